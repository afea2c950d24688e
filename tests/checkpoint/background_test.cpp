// Saving behind training: what is saved is what was there at the start, and training is not held up.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <latch>
#include <thread>

#include "checkpoint/directories.h"
#include "checkpoint/sample.h"
#include "checkpoint/thread_ranks.h"
#include "kumiko/checkpoint/background_writer.h"
#include "kumiko/comm/self.h"
#include "kumiko/comm/verbs.h"

namespace kumiko {
namespace {

using sample::Layout;
using sample::Size;

std::unique_ptr<Communicator> one_rank() {
  constexpr int64_t alone[] = {0};
  return connect_self_world()->communicator(Axis::data, alone);
}

// A rank alone, for whom the writer's thread stops at its first collective until it is let go.
class Held final : public OperationCommunicator {
 public:
  Held() : OperationCommunicator(Axis::data, 0, 1) {}
  void let_go() { gate_.count_down(); }

 protected:
  Event submit(Operation operation) override {
    if (std::this_thread::get_id() != owner_) gate_.wait();
    if (operation.output) copy(operation.input.reshaped(operation.output.shape()), operation.output);
    return {};
  }

 private:
  std::thread::id owner_ = std::this_thread::get_id();
  std::latch gate_{1};
};

class Background : public testing::Test {
 protected:
  std::string difference(int seed) {
    CheckpointReader reader = CheckpointReader::open(directory_.path() / "run");
    reader.verify();
    return sample::difference(reader, Layout::replicated, 1, seed);
  }

  TestDirectory directory_{"background"};
  CheckpointOptions options_{directory_.path() / "run", 0, {}};
  std::shared_ptr<MemoryPool> pool_ = MemoryPool::create();
};

TEST_F(Background, SavesWhatWasThereWhenItBegan) {
  for (const Layout layout : sample::layouts) {
    sample::save_behind(options_, 3, layout, 1, 5);
    EXPECT_EQ(difference(5), "");
  }
}

TEST_F(Background, TheCallerGoesOnBeforeTheCheckpointIsThere) {
  Held ranks;
  BackgroundWriter writer(ranks, options_);
  const std::vector<SavedPiece> held = sample::pieces(Size::small, Layout::replicated, 0, 1, 5);
  writer.reserve(held, *pool_);
  writer.start(1, sample::state(5), held);
  EXPECT_FALSE(writer.finished().has_value());
  // At most the temporary directory is there, which comes before the first collective.
  EXPECT_FALSE(std::filesystem::exists(options_.directory / "latest"));
  sample::change(held, 6);
  ranks.let_go();
  const auto result = writer.wait();
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->behind);
  EXPECT_EQ(result->step, 1);
  EXPECT_FALSE(result->error.has_value());
  EXPECT_LE(result->write_begin, result->write_end);
  EXPECT_EQ(difference(5), "");
  EXPECT_FALSE(writer.finished().has_value());
  EXPECT_FALSE(writer.wait().has_value());
}

TEST_F(Background, AnEarlierResultMustBeTakenFirst) {
  const auto ranks = one_rank();
  BackgroundWriter writer(*ranks, options_);
  const std::vector<SavedPiece> held = sample::pieces(Size::small, Layout::replicated, 0, 1, 5);
  writer.start(1, sample::state(5), held);
  EXPECT_EQ(message_of([&] { writer.start(2, sample::state(5), held); }),
            "the save of step 2 begins before the result of another was taken");
}

// As training ends: nobody waits for a result.
TEST_F(Background, IsCompletedByTheDestructor) {
  Held ranks;
  std::thread later;
  {
    BackgroundWriter writer(ranks, options_);
    const std::vector<SavedPiece> held = sample::pieces(Size::small, Layout::replicated, 0, 1, 5);
    writer.reserve(held, *pool_);
    writer.start(1, sample::state(5), held);
    later = std::thread([&ranks] { ranks.let_go(); });
  }
  later.join();
  EXPECT_EQ(difference(5), "");
}

TEST_F(Background, MemoryIsSetAsideAndCounted) {
  std::vector<int64_t> bytes(3);
  run_on_ranks(3, [&](Communicator& ranks) {
    const auto pool = MemoryPool::create();
    BackgroundWriter writer(ranks, {options_.directory, 0, {}});
    const auto held = sample::pieces(Size::large, Layout::rows, ranks.rank(), ranks.size(), 5);
    const int64_t reserved = writer.reserve(held, *pool);
    writer.start(1, sample::state(5), held);
    const auto result = writer.wait();
    const auto rank = static_cast<size_t>(ranks.rank());
    EXPECT_EQ(reserved, static_cast<int64_t>(result->report.bytes[rank]));
    EXPECT_EQ(pool->use(MemoryPurpose::checkpoint).peak, reserved);
    EXPECT_EQ(pool->total().peak, reserved);
    bytes[rank] = reserved;
  });
  int64_t total = 0;
  for (const ExpectedTensor& tensor : sample::tensors(Size::large)) {
    total += tensor.shape.num_elements() * static_cast<int64_t>(size_of(tensor.dtype));
  }
  EXPECT_EQ(bytes[0] + bytes[1] + bytes[2], total);
}

TEST_F(Background, WithoutMemoryForTheCopyTheCallerWaits) {
  const auto ranks = one_rank();
  BackgroundWriter writer(*ranks, options_);
  const std::vector<SavedPiece> held = sample::pieces(Size::small, Layout::replicated, 0, 1, 5);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &limit), 0);
  const rlimit little{1 << 20, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &little), 0);
  testing::internal::CaptureStderr();
  const int64_t reserved = writer.reserve(held, *pool_);
  const std::string warning = testing::internal::GetCapturedStderr();
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
  EXPECT_EQ(reserved, 0);
  EXPECT_NE(warning.find("written while training waits, not behind it: out of memory"), std::string::npos) << warning;
  EXPECT_EQ(pool_->total().peak, 0);
  writer.start(1, sample::state(5), held);
  const auto result = writer.finished();
  ASSERT_TRUE(result.has_value());
  EXPECT_FALSE(result->behind);
  EXPECT_EQ(difference(5), "");
}

// A file stands where the directory of checkpoints should be made. The earlier save stays, and the next one works.
TEST_F(Background, AFailureIsAResultOnAllRanks) {
  run_on_ranks(2, [&](Communicator& ranks) {
    const auto pool = MemoryPool::create();
    BackgroundWriter writer(ranks, options_);
    const auto held = sample::pieces(Size::small, Layout::rows, ranks.rank(), ranks.size(), 5);
    writer.reserve(held, *pool);
    const auto once = [&](int64_t step, auto prepare) {
      if (ranks.rank() == 0) prepare();
      ranks.barrier("test").wait();
      writer.start(step, sample::state(5), held);
      const auto result = writer.wait();
      return result->error ? std::string(result->error->what()) : "";
    };
    const auto aside = directory_ / "aside";
    EXPECT_EQ(once(1, [] {}), "");
    const std::string failure = once(2, [&] {
      std::filesystem::rename(options_.directory, aside);
      write_text(options_.directory, "in the way");
    });
    EXPECT_NE(failure.find("step-0000002 is not saved: rank 0: cannot create the directory "), std::string::npos)
        << failure;
    EXPECT_EQ(once(3,
                   [&] {
                     std::filesystem::remove(options_.directory);
                     std::filesystem::rename(aside, options_.directory);
                   }),
              "");
  });
  EXPECT_TRUE(std::filesystem::exists(options_.directory / "step-0000001"));
  EXPECT_FALSE(std::filesystem::exists(options_.directory / "step-0000002"));
  EXPECT_EQ(difference(5), "");
}

}  // namespace
}  // namespace kumiko
