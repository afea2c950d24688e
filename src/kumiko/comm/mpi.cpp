#include "kumiko/comm/mpi.h"

#include <mpi.h>

#include <array>
#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/comm/mpi_exchange.h"
#include "kumiko/comm/peer_watch.h"
#include "kumiko/comm/process.h"
#include "kumiko/comm/queue.h"
#include "kumiko/comm/self.h"
#include "kumiko/comm/transfer.h"

namespace kumiko {
namespace {

// "Open MPI v4.1.4, package: ..." or "MPICH Version:\t4.0.2\n..." -> "Open MPI 4.1.4", "MPICH 4.0.2".
std::string library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  std::string version(text.data(), static_cast<size_t>(length));
  version = version.substr(0, version.find_first_of(",\n"));
  for (const char* noise : {"Version:\t", "Version: ", "v"}) {
    const size_t position = version.find(noise);
    if (position == std::string::npos) continue;
    version.erase(position, std::string_view(noise).size());
    break;
  }
  return version;
}

class MpiCommunicator final : public OperationCommunicator {
 public:
  MpiCommunicator(Axis axis, int rank, int size, Queue& queue, std::shared_ptr<Queue::Channel> channel)
      : OperationCommunicator(axis, rank, size), queue_(queue), channel_(std::move(channel)) {}

 protected:
  Event submit(Operation operation) override { return queue_.enqueue(channel_, std::move(operation)); }

 private:
  Queue& queue_;
  std::shared_ptr<Queue::Channel> channel_;
};

class MpiWorld final : public World {
 public:
  MpiWorld(const Launch& launch, std::shared_ptr<MemoryPool> pool);
  ~MpiWorld() override;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_rank() const override { return ranks_[static_cast<size_t>(rank_)].local_rank; }
  int local_size() const override { return local_size_; }
  const std::vector<RankInfo>& ranks() const override { return ranks_; }
  std::unique_ptr<Communicator> communicator(Axis axis, std::span<const int64_t> ranks) override;
  std::vector<TrafficRow> traffic() const override { return ledger_->rows(); }
  void reset_traffic() override { ledger_->reset(); }
  void record_to(std::shared_ptr<TraceRecorder> recorder) override { ledger_->record_to(std::move(recorder)); }
  std::string description() const override { return description_; }
  [[noreturn]] void abort(int exit_code) override;

 private:
  void initialize(const Launch& launch);
  void exchange_rank_infos();
  std::shared_ptr<Queue::Channel> open_channel(MPI_Comm communicator, int rank, int size);
  void watch_peers();

  std::shared_ptr<MemoryPool> pool_;
  AlgorithmOptions options_;
  std::shared_ptr<TrafficLedger> ledger_ = std::make_shared<TrafficLedger>();
  int rank_ = 0;
  int size_ = 1;
  int local_size_ = 1;
  std::vector<RankInfo> ranks_;
  std::string description_;
  int exceptions_at_start_ = std::uncaught_exceptions();
  std::optional<Queue> queue_;
  std::optional<PeerWatch> watch_;
};

MpiWorld::MpiWorld(const Launch& launch, std::shared_ptr<MemoryPool> pool) : pool_(std::move(pool)) {
  queue_.emplace(ledger_);
  queue_->run([&] { initialize(launch); });
  log::set_rank(rank_, size_);
  watch_peers();
}

// On the communication thread, which is MPI's main thread from here on: MPI_THREAD_FUNNELED is all that we ask for.
void MpiWorld::initialize(const Launch& launch) {
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_FUNNELED) {
    throw_environment("{} was built without support for threads (MPI_THREAD_FUNNELED)", library_version());
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  description_ = library_version();
  if (size_ != launch.size) {
    throw_environment(
        "{} started {} ranks, but {} sees {}: start kumiko with the launcher of the MPI library that it was built with "
        "(see `mpiexec --version`)",
        launch.launcher, launch.size, description_, size_);
  }
  exchange_rank_infos();
}

void MpiWorld::exchange_rank_infos() {
  MPI_Comm local = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &local),
            "finding the ranks of this host");
  struct Wire {
    std::array<char, 256> host{};
    int64_t process_id = 0;
    int64_t local_rank = 0;
  };
  const RankInfo self = this_process();
  Wire wire;
  self.host.copy(wire.host.data(), wire.host.size() - 1);
  wire.process_id = self.process_id;
  int local_rank = 0;
  MPI_Comm_rank(local, &local_rank);
  MPI_Comm_size(local, &local_size_);
  MPI_Comm_free(&local);
  wire.local_rank = local_rank;
  std::vector<Wire> wires(static_cast<size_t>(size_));
  check_mpi(MPI_Allgather(&wire, sizeof wire, MPI_BYTE, wires.data(), sizeof wire, MPI_BYTE, MPI_COMM_WORLD),
            "gathering the ranks' hosts");
  for (const Wire& from : wires) {
    ranks_.push_back({from.host.data(), from.process_id, static_cast<int>(from.local_rank)});
  }
}

void MpiWorld::watch_peers() {
  std::vector<Peer> peers;
  for (int r = 0; r < size_; ++r) {
    const RankInfo& info = ranks_[static_cast<size_t>(r)];
    if (r != rank_ && info.host == ranks_[static_cast<size_t>(rank_)].host) peers.push_back({r, info});
  }
  watch_.emplace(std::move(peers), [](const Peer& peer) {
    log::error("rank {} (pid {} on host {}) died; stopping", peer.rank, peer.info.process_id, peer.info.host);
    // The launcher usually ends the job within this time, with an exit code that tells more than ours.
    std::this_thread::sleep_for(std::chrono::seconds(1));
    end_process(exit_code(ErrorKind::environment));
  });
}

std::shared_ptr<Queue::Channel> MpiWorld::open_channel(MPI_Comm communicator, int rank, int size) {
  return queue_->open([this, communicator, rank, size](const Operation& operation) {
    auto exchange = std::make_unique<MpiExchange>(communicator, rank, size, operation);
    return std::make_unique<SteppedTransfer>(operation, std::move(exchange), *pool_, options_);
  });
}

std::unique_ptr<Communicator> MpiWorld::communicator(Axis axis, std::span<const int64_t> ranks) {
  std::vector<int> members;
  int own = -1;
  for (const int64_t r : ranks) {
    if (r < 0 || r >= size_) throw_internal("{} axis: rank {} of {}", name_of(axis), r, size_);
    if (r == rank_) own = static_cast<int>(members.size());
    members.push_back(static_cast<int>(r));
  }
  if (own < 0) throw_internal("{} axis: rank {} is not among the communicator's ranks", name_of(axis), rank_);
  if (members.size() == 1) return std::make_unique<SelfCommunicator>(axis, ledger_);
  const int size = static_cast<int>(members.size());
  MPI_Comm communicator = MPI_COMM_NULL;  // lives until MPI_Finalize
  queue_->run([&] {
    MPI_Group world = MPI_GROUP_NULL;
    MPI_Group group = MPI_GROUP_NULL;
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    const std::string what = fmt::format("creating the communicator of the {} axis", name_of(axis));
    check_mpi(MPI_Group_incl(world, size, members.data(), &group), what);
    check_mpi(MPI_Comm_create_group(MPI_COMM_WORLD, group, static_cast<int>(axis), &communicator), what);
    MPI_Comm_set_errhandler(communicator, MPI_ERRORS_RETURN);
    MPI_Group_free(&group);
    MPI_Group_free(&world);
  });
  return std::make_unique<MpiCommunicator>(axis, own, size, *queue_, open_channel(communicator, own, size));
}

MpiWorld::~MpiWorld() {
  // An exception passes through: the other ranks are not about to finish.
  if (std::uncaught_exceptions() > exceptions_at_start_) abort(exit_code(ErrorKind::internal));
  queue_->drain();
  const auto channel = open_channel(MPI_COMM_WORLD, rank_, size_);
  const auto barrier = [&] {
    queue_->enqueue(channel, {.verb = Verb::barrier, .input = {}, .output = {}, .purpose = "finish"}).wait();
  };
  // After the first barrier every rank is on its way out, and stops watching; after the second, no rank watches any
  // more, and it is safe to end.
  barrier();
  watch_.reset();
  barrier();
  queue_->run([] { MPI_Finalize(); });
}

void MpiWorld::abort(int exit_code) {
  log::error("stopping all {} ranks", size_);
  queue_->post([exit_code] { MPI_Abort(MPI_COMM_WORLD, exit_code); });
  std::this_thread::sleep_for(std::chrono::seconds(2));  // for the case that MPI cannot
  end_process(exit_code);
}

}  // namespace

std::unique_ptr<World> connect_mpi_world(const Launch& launch, std::shared_ptr<MemoryPool> pool) {
  return std::make_unique<MpiWorld>(launch, std::move(pool));
}

}  // namespace kumiko
