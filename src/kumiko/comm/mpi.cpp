#include "kumiko/comm/mpi.h"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/comm/checked_transfer.h"
#include "kumiko/comm/emulated_link.h"
#include "kumiko/comm/mpi_exchange.h"
#include "kumiko/comm/mpi_facts.h"
#include "kumiko/comm/mpi_mailbox.h"
#include "kumiko/comm/operation_log.h"
#include "kumiko/comm/peer_watch.h"
#include "kumiko/comm/process.h"
#include "kumiko/comm/queue.h"
#include "kumiko/comm/self.h"
#include "kumiko/comm/transfer.h"
#include "kumiko/comm/watchdog.h"

namespace kumiko {
namespace {

// How often a rank looks for questions of the others, and for operations that are overdue.
constexpr double seconds_between_looks = 0.1;

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
  MpiWorld(const Launch& launch, std::shared_ptr<MemoryPool> pool, const CommunicationOptions& options);
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
  void expect_end(int exit_code) override { own_exit_code_ = exit_code; }
  [[noreturn]] void abort(int exit_code) override;

 private:
  void initialize(const Launch& launch);
  struct Group;  // a communicator, with its place in the log
  std::shared_ptr<Group> open_group(Axis axis, std::vector<int> members);
  std::shared_ptr<Queue::Channel> open_channel(std::shared_ptr<Group> group);
  std::unique_ptr<Transfer> start(const Operation& operation, const Group& group);
  void await_members(Axis axis, const Group& group);
  [[noreturn]] static void end_job();
  void look_for_hangs();
  void watch_peers();

  std::shared_ptr<MemoryPool> pool_;
  AlgorithmOptions algorithms_;
  CommunicationOptions communication_;
  std::shared_ptr<TrafficLedger> ledger_ = std::make_shared<TrafficLedger>();
  int rank_ = 0;
  int size_ = 1;
  int local_size_ = 1;
  std::vector<RankInfo> ranks_;
  std::string description_;
  int exceptions_at_start_ = std::uncaught_exceptions();
  std::atomic<int> own_exit_code_ = 0;  // not 0: this rank is about to end by itself
  // Of the communication thread.
  EmulatedLink link_;
  OperationLog operations_;
  std::optional<MpiMailbox> mailbox_;
  std::optional<Watchdog> watchdog_;

  std::optional<Queue> queue_;
  std::optional<PeerWatch> watch_;
};

MpiWorld::MpiWorld(const Launch& launch, std::shared_ptr<MemoryPool> pool, const CommunicationOptions& options)
    : pool_(std::move(pool)), communication_(options), link_(options.link) {
  queue_.emplace(ledger_);
  queue_->run([&] { initialize(launch); });
  queue_->repeat([this] { look_for_hangs(); }, seconds_between_looks);
  log::set_rank(rank_, size_);
  watch_peers();
}

// On the communication thread, which is MPI's main thread from here on: MPI_THREAD_FUNNELED is all that we ask for.
void MpiWorld::initialize(const Launch& launch) {
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_FUNNELED) {
    throw_environment("{} was built without support for threads (MPI_THREAD_FUNNELED)", mpi_library_version());
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  description_ = mpi_library_version();
  if (size_ != launch.size) {
    throw_environment(
        "{} started {} ranks, but {} sees {}: start kumiko with the launcher of the MPI library that it was built with "
        "(see `mpiexec --version`)",
        launch.launcher, launch.size, description_, size_);
  }
  WorldRanks world = gather_ranks();
  ranks_ = std::move(world.ranks);
  local_size_ = world.local_size;
  // One rank alone would wait for the others' signatures; that options differ is said later, by check_agreement.
  int check = communication_.check ? 1 : 0;
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, &check, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD),
            "agreeing on parallel.check_communication");
  communication_.check = check != 0;
  mailbox_.emplace();
  watchdog_.emplace(WatchdogOptions::of(communication_.timeout_minutes * 60),
                    Watchdog::View{*mailbox_, operations_, progress(), ranks_, [this] { return queue_->waited_for(); }},
                    end_job);
}

// Operations fail by themselves where the network does; that the watchdog cannot use it is no reason to end.
void MpiWorld::look_for_hangs() {
  if (!watchdog_) return;
  try {
    watchdog_->look(trace_clock());
  } catch (const std::exception& error) {
    log::warning("no watch for hangs from here on: {}", error.what());
    watchdog_.reset();
  }
}

void MpiWorld::watch_peers() {
  std::vector<Peer> peers;
  for (int r = 0; r < size_; ++r) {
    const RankInfo& info = ranks_[static_cast<size_t>(r)];
    if (r != rank_ && info.host == ranks_[static_cast<size_t>(rank_)].host) peers.push_back({r, info});
  }
  watch_.emplace(std::move(peers), [this](const Peer& peer) {
    if (own_exit_code_ != 0) {
      std::this_thread::sleep_for(std::chrono::seconds(1));
      end_process(own_exit_code_);
    }
    log::error("rank {} (pid {} on host {}) died; stopping", peer.rank, peer.info.process_id, peer.info.host);
    // The launcher usually ends the job within this time, with an exit code that tells more than ours.
    std::this_thread::sleep_for(std::chrono::seconds(1));
    end_process(exit_code(ErrorKind::environment));
  });
}

struct MpiWorld::Group {
  MpiGroup mpi;
  std::shared_ptr<OperationLog::Channel> log;
};

std::shared_ptr<MpiWorld::Group> MpiWorld::open_group(Axis axis, std::vector<int> members) {
  auto group = std::make_shared<Group>();
  const auto own = std::find(members.begin(), members.end(), rank_);
  group->mpi = {MPI_COMM_WORLD, static_cast<int>(own - members.begin()), static_cast<int>(members.size()), {}};
  queue_->run([&] { group->log = operations_.open(axis, std::move(members)); });
  group->mpi.members = group->log->ranks;
  return group;
}

std::shared_ptr<Queue::Channel> MpiWorld::open_channel(std::shared_ptr<Group> group) {
  return queue_->open([this, group](const Operation& operation) { return start(operation, *group); });
}

// The algorithm, and what stands around it: the comparison before, the log, and the emulated link, whose time the log
// does not see.
std::unique_ptr<Transfer> MpiWorld::start(const Operation& operation, const Group& group) {
  // Sends and receives run side by side with each other, never with a collective; the tags make a mismatch between
  // ranks a hang that the watchdog sees, not a mix of data.
  const int tag = operation.point_to_point() ? 1 : 2;
  const auto begin = [this, &operation, &group, tag]() -> std::unique_ptr<Transfer> {
    auto exchange = std::make_unique<MpiExchange>(group.mpi, tag, operation);
    return std::make_unique<SteppedTransfer>(operation, std::move(exchange), *pool_, algorithms_);
  };
  std::unique_ptr<Transfer> transfer;
  if (communication_.check) {
    auto exchange = std::make_unique<MpiExchange>(group.mpi, tag + 2, operation);
    transfer = std::make_unique<CheckedTransfer>(operation, std::move(exchange), group.log->ranks, begin);
  } else {
    transfer = begin();
  }
  transfer = std::make_unique<LoggedTransfer>(std::move(transfer), group.log, operation);
  if (!link_.emulated()) return transfer;
  const int64_t earliest_end = link_.occupy(wire_cost(operation, group.mpi.size, algorithms_), trace_clock());
  return std::make_unique<HeldTransfer>(std::move(transfer), earliest_end);
}

// MPI creates a communicator in one blocking call, in which the communication thread would answer nobody. So it begins
// when all of the ranks are there, and the wait for them is an operation like any other.
void MpiWorld::await_members(Axis axis, const Group& group) {
  const auto channel = queue_->open([this, &group](const Operation& operation) {
    constexpr uint64_t tags = 30'000;  // MPI promises 32,767
    const int tag = 100 + static_cast<int>(group.log->id % tags);
    auto exchange = std::make_unique<MpiExchange>(group.mpi, tag, operation);
    auto transfer = std::make_unique<SteppedTransfer>(operation, std::move(exchange), *pool_, algorithms_);
    return std::make_unique<LoggedTransfer>(std::move(transfer), group.log, operation);
  });
  Operation arrival;
  arrival.purpose = "new communicator";
  arrival.axis = axis;
  queue_->enqueue(channel, std::move(arrival)).wait();
}

std::unique_ptr<Communicator> MpiWorld::communicator(Axis axis, std::span<const int64_t> ranks) {
  std::vector<int> members;
  for (const int64_t r : ranks) {
    if (r < 0 || r >= size_) throw_internal("{} axis: rank {} of {}", name_of(axis), r, size_);
    members.push_back(static_cast<int>(r));
  }
  if (std::find(members.begin(), members.end(), rank_) == members.end()) {
    throw_internal("{} axis: rank {} is not among the communicator's ranks", name_of(axis), rank_);
  }
  if (members.size() == 1) return std::make_unique<SelfCommunicator>(axis, ledger_);
  const std::shared_ptr<Group> group = open_group(axis, std::move(members));
  await_members(axis, *group);
  MPI_Comm communicator = MPI_COMM_NULL;  // lives until MPI_Finalize
  queue_->run([&] {
    MPI_Group world = MPI_GROUP_NULL;
    MPI_Group part = MPI_GROUP_NULL;
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    const std::string what = fmt::format("creating the communicator of the {} axis", name_of(axis));
    check_mpi(MPI_Group_incl(world, group->mpi.size, group->log->ranks.data(), &part), what);
    check_mpi(MPI_Comm_create_group(MPI_COMM_WORLD, part, static_cast<int>(axis), &communicator), what);
    MPI_Comm_set_errhandler(communicator, MPI_ERRORS_RETURN);
    MPI_Group_free(&part);
    MPI_Group_free(&world);
  });
  group->mpi.communicator = communicator;
  group->mpi.members = {};
  return std::make_unique<MpiCommunicator>(axis, group->mpi.rank, group->mpi.size, *queue_, open_channel(group));
}

MpiWorld::~MpiWorld() {
  // An exception passes through: the other ranks are not about to finish.
  if (std::uncaught_exceptions() > exceptions_at_start_) abort(exit_code(ErrorKind::internal));
  queue_->drain();
  std::vector<int> everyone(static_cast<size_t>(size_));
  std::iota(everyone.begin(), everyone.end(), 0);
  const auto channel = open_channel(open_group(Axis::data, std::move(everyone)));
  const auto barrier = [&] {
    queue_->enqueue(channel, {.verb = Verb::barrier, .input = {}, .output = {}, .purpose = "finish"}).wait();
  };
  // After the first barrier every rank is on its way out, and stops watching; after the second, no rank watches any
  // more, and it is safe to end.
  barrier();
  watch_.reset();
  barrier();
  queue_->repeat(nullptr, 0);
  queue_->run([] { MPI_Finalize(); });
}

// On the communication thread, after the watchdog's report.
void MpiWorld::end_job() {
  std::thread([] {
    std::this_thread::sleep_for(std::chrono::seconds(2));  // for the case that MPI cannot
    end_process(exit_code(ErrorKind::environment));
  }).detach();
  MPI_Abort(MPI_COMM_WORLD, exit_code(ErrorKind::environment));
  end_process(exit_code(ErrorKind::environment));
}

void MpiWorld::abort(int exit_code) {
  log::error("stopping all {} ranks", size_);
  queue_->post([exit_code] { MPI_Abort(MPI_COMM_WORLD, exit_code); });
  std::this_thread::sleep_for(std::chrono::seconds(2));  // for the case that MPI cannot
  end_process(exit_code);
}

}  // namespace

std::unique_ptr<World> connect_mpi_world(const Launch& launch, std::shared_ptr<MemoryPool> pool,
                                         const CommunicationOptions& options) {
  return std::make_unique<MpiWorld>(launch, std::move(pool), options);
}

}  // namespace kumiko
