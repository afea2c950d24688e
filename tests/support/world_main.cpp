#include <gtest/gtest.h>

#include <cstdio>
#include <numeric>
#include <string_view>

#include "kumiko/comm/launcher.h"
#include "kumiko/comm/mpi.h"
#include "support/world.h"

namespace kumiko::test {
namespace {

World* the_world = nullptr;

class EndsJobOnFailure : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed() || world().rank() == 0) return;  // rank 0 has GoogleTest's own printer
    const char* file = result.file_name() == nullptr ? "?" : result.file_name();
    std::printf("[rank %d] %s:%d: %s\n", world().rank(), file, result.line_number(), result.message());
  }
  void OnTestEnd(const testing::TestInfo& info) override {
    if (!info.result()->Failed() || world().size() == 1) return;
    std::printf("[rank %d] failed: %s.%s\n", world().rank(), info.test_suite_name(), info.name());
    std::fflush(stdout);
    world().abort(1);
  }
};

}  // namespace

World& world() { return *the_world; }

MemoryPool& pool() {
  static const std::shared_ptr<MemoryPool> instance = MemoryPool::create();
  return *instance;
}

std::unique_ptr<Communicator> everyone(Axis axis) {
  std::vector<int64_t> ranks(static_cast<size_t>(world().size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  return world().communicator(axis, ranks);
}

}  // namespace kumiko::test

int main(int argc, char** argv) {
  using namespace kumiko;
  testing::InitGoogleTest(&argc, argv);
  // Under a launcher MPI is what we want to test, also on one rank, where connect_world() would not touch it.
  const std::optional<Launch> launch = discover_launch();
  CommunicationOptions options;
  options.check = argc > 1 && std::string_view(argv[1]) == "--check";  // what GoogleTest has left
  const std::unique_ptr<World> world =
      launch ? connect_mpi_world(*launch, MemoryPool::create(), options) : connect_world(MemoryPool::create());
  test::the_world = world.get();
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (world->rank() != 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new test::EndsJobOnFailure);
  return RUN_ALL_TESTS();
}
