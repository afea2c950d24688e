#include "kumiko/comm/first_ranks.h"

#include <algorithm>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/comm/process.h"

namespace kumiko {
namespace {

class FirstRanks final : public World {
 public:
  FirstRanks(World& world, int64_t size) : world_(world), ranks_(world.ranks().begin(), world.ranks().begin() + size) {
    const std::string& host = ranks_[static_cast<size_t>(world.rank())].host;
    local_size_ = static_cast<int>(
        std::count_if(ranks_.begin(), ranks_.end(), [&](const RankInfo& r) { return r.host == host; }));
  }

  int rank() const override { return world_.rank(); }
  int size() const override { return static_cast<int>(ranks_.size()); }
  int local_rank() const override { return world_.local_rank(); }
  int local_size() const override { return local_size_; }
  const std::vector<RankInfo>& ranks() const override { return ranks_; }

  std::unique_ptr<Communicator> communicator(Axis axis, std::span<const int64_t> ranks) override {
    for (const int64_t rank : ranks) {
      if (rank >= size()) throw_internal("{} axis: rank {} of the first {}", name_of(axis), rank, size());
    }
    return world_.communicator(axis, ranks);
  }
  std::vector<TrafficRow> traffic() const override { return world_.traffic(); }
  void reset_traffic() override { world_.reset_traffic(); }
  void record_to(std::shared_ptr<TraceRecorder> recorder) override { world_.record_to(std::move(recorder)); }
  ProgressNote& progress() override { return world_.progress(); }
  std::string description() const override { return world_.description(); }
  void expect_end(int exit_code) override { world_.expect_end(exit_code); }
  [[noreturn]] void abort(int exit_code) override {
    world_.abort(exit_code);
    end_process(exit_code);
  }

 private:
  World& world_;
  std::vector<RankInfo> ranks_;
  int local_size_ = 0;
};

}  // namespace

std::unique_ptr<World> first_ranks(World& world, int64_t size) {
  if (size > world.size() || world.rank() >= size) {
    throw_internal("rank {} of {} is not among the first {}", world.rank(), world.size(), size);
  }
  return std::make_unique<FirstRanks>(world, size);
}

}  // namespace kumiko
