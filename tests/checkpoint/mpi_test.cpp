// Saving and loading on ranks that are processes.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "checkpoint/directories.h"
#include "checkpoint/sample.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/checkpoint/exchange.h"
#include "support/world.h"

namespace kumiko {
namespace {

using sample::Layout;
using sample::Size;

// A directory of rank 0 that all ranks use.
class CheckpointOnRanks : public testing::Test {
 protected:
  CheckpointOnRanks() : ranks_(test::everyone()) {
    if (ranks_->rank() == 0) directory_ = std::make_unique<TestDirectory>("mpi");
    options_.directory = broadcast_text(*ranks_, directory_ ? directory_->path().string() : "", 0);
  }
  void TearDown() override { ranks_->barrier("test").wait(); }

  std::vector<SavedPiece> pieces(Layout layout, int seed) const {
    return sample::pieces(Size::large, layout, ranks_->rank(), ranks_->size(), seed);
  }

  std::unique_ptr<Communicator> ranks_;
  std::unique_ptr<TestDirectory> directory_;
  CheckpointOptions options_;
};

TEST_F(CheckpointOnRanks, SavesAndLoadsInEveryLayout) {
  CheckpointWriter writer(*ranks_, options_);
  int seed = 0;
  for (const Layout layout : sample::layouts) {
    ++seed;
    const SaveReport report = writer.save(seed, sample::state(seed), pieces(layout, seed));
    EXPECT_EQ(report.bytes.size(), static_cast<size_t>(ranks_->size()));
    CheckpointReader reader = CheckpointReader::open(options_.directory);
    EXPECT_EQ(reader.step(), seed);
    reader.verify(ranks_->rank(), ranks_->size());
    for (const Layout loaded : sample::layouts) {
      EXPECT_EQ(sample::difference(reader, loaded, 1 + ranks_->rank(), seed, Size::large), "");
    }
    ranks_->barrier("test").wait();
  }
}

// The last rank may not write a byte; all ranks hear of it.
TEST_F(CheckpointOnRanks, FailsOnAllWhenOneFails) {
  CheckpointWriter writer(*ranks_, options_);
  writer.save(1, sample::state(1), pieces(Layout::rows, 1));
  const int last = ranks_->size() - 1;
  const std::vector<SavedPiece> next = pieces(Layout::rows, 2);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  if (ranks_->rank() == last) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{0, limit.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  const std::string message = message_of([&] { writer.save(2, sample::state(2), next); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::string rank = ranks_->size() == 1 ? "" : "rank " + std::to_string(last) + ": ";
  const auto temporary = temporary_directory(options_.directory, 2);
  EXPECT_EQ(message, fmt::format("checkpoint {} is not saved: {}cannot write {}: File too large",
                                 (options_.directory / checkpoint_name(2)).string(), rank,
                                 (temporary / data_file_name(last, ranks_->size())).string()));
  ranks_->barrier("test").wait();
  EXPECT_FALSE(std::filesystem::exists(temporary));
  EXPECT_EQ(CheckpointReader::open(options_.directory).step(), 1);
  ranks_->barrier("test").wait();
  // The ranks still speak in turn: the next save works.
  writer.save(2, sample::state(2), next);
  CheckpointReader reader = CheckpointReader::open(options_.directory);
  EXPECT_EQ(sample::difference(reader, Layout::replicated, 1, 2, Size::large), "");
}

}  // namespace
}  // namespace kumiko
