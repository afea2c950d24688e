// A save that dies, or finds the disk full, at its every write, fsync and rename: the checkpoint that was there stays
// loadable to the last bit, and the next save works.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "checkpoint/directories.h"
#include "checkpoint/sample.h"
#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/text.h"
#include "kumiko/checkpoint/directory.h"

namespace kumiko {
namespace {

using sample::Layout;
using sample::Size;

struct Outcome {
  int status = 0;  // as waitpid gives it
  std::string messages;

  bool killed() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
  int exit_code() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
  bool fired() const { return messages.find("injected fault: ") != std::string::npos; }
};

struct Save {
  int step = 0;
  int seed = 0;
  int keep_last = 0;
  bool behind = false;
};

Outcome run(const TestDirectory& directory, int num_ranks, const Save& save, const std::string& fault = "") {
  const auto log = directory / "log";
  // exec: the shell becomes the program, so that its status is the program's own.
  const std::string command = fmt::format("KUMIKO_FAULT={} exec {} {} {} {} {} {} {} 2>{}", fault, KUMIKO_SAVE_PROGRAM,
                                          (directory / "run").string(), num_ranks, save.step, save.seed, save.keep_last,
                                          save.behind ? 1 : 0, log.string());
  Outcome outcome;
  outcome.status = std::system(command.c_str());
  outcome.messages = read_text_file(log);
  return outcome;
}

// The seed of what ROOT's latest checkpoint holds, every bit of it checked; -1 if there is none.
int loaded_seed(const TestDirectory& directory) {
  try {
    CheckpointReader reader = CheckpointReader::open(directory / "run");
    reader.verify();
    const int seed = sample::seed_of(reader.manifest().state);
    EXPECT_EQ(sample::difference(reader, Layout::columns, 1, seed, Size::large), "");
    return seed;
  } catch (const Error& error) {
    // Before the first checkpoint is whole there is none; anything else is a failure.
    const std::string message = error.what();
    const bool none = message.find("holds no checkpoint") != std::string::npos ||
                      message.find("is not a directory") != std::string::npos;
    EXPECT_TRUE(none) << message;
    return -1;
  }
}

bool has_temporaries(const TestDirectory& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory / "run")) {
    if (entry.path().extension() == ".tmp") return true;
  }
  return false;
}

struct FaultCase {
  const char* name;
  std::vector<Save> before;
  Save save;
  int num_ranks;
};

class Fault : public testing::TestWithParam<FaultCase> {
 protected:
  // Runs the save with the fault at the N-th operation for N = 1, 2, ... until there is no N-th, and `check` after
  // each. Returns at how many operations the fault fired.
  template <class Check>
  int at_every(const std::string& operation, const std::string& kind, Check check) {
    const TestDirectory directory("fault");
    std::filesystem::create_directories(directory / "run");
    for (const Save& save : GetParam().before) {
      EXPECT_EQ(run(directory, GetParam().num_ranks, save).exit_code(), 0);
    }
    std::filesystem::rename(directory / "run", directory / "before");
    for (int n = 1; n < 100; ++n) {
      std::filesystem::remove_all(directory / "run");
      std::filesystem::copy(directory / "before", directory / "run", std::filesystem::copy_options::recursive);
      const std::string fault = operation + ":" + std::to_string(n) + ":" + kind;
      SCOPED_TRACE(fault);
      const Outcome outcome = run(directory, GetParam().num_ranks, GetParam().save, fault);
      if (!outcome.fired()) {
        EXPECT_EQ(outcome.exit_code(), 0);
        return n - 1;
      }
      check(directory, outcome);
      // A new save works, and clears up.
      EXPECT_EQ(run(directory, GetParam().num_ranks, GetParam().save).exit_code(), 0);
      EXPECT_EQ(loaded_seed(directory), GetParam().save.seed);
      EXPECT_FALSE(has_temporaries(directory));
      if (HasFailure()) break;
    }
    return 0;
  }

  int seed_before() const { return GetParam().before.empty() ? -1 : GetParam().before.back().seed; }
};

// Four kinds of file are written: data (in several writes), manifest, its checksum, latest. Each is synced, as are the
// directories; the checkpoint and latest are renamed.
constexpr int min_writes = 6;
constexpr int min_syncs = 7;
constexpr int min_renames = 2;

TEST_P(Fault, KilledAtEveryOperationLeavesACheckpoint) {
  bool kept_old = false;
  bool reached_new = false;
  const auto check = [&](const TestDirectory& directory, const Outcome& outcome) {
    EXPECT_TRUE(outcome.killed()) << outcome.messages;
    const int seed = loaded_seed(directory);
    EXPECT_TRUE(seed == seed_before() || seed == GetParam().save.seed) << seed;
    kept_old |= seed == seed_before();
    reached_new |= seed == GetParam().save.seed;
  };
  EXPECT_GE(at_every("write", "kill", check), min_writes);
  EXPECT_GE(at_every("sync", "kill", check), min_syncs);
  EXPECT_GE(at_every("rename", "kill", check), min_renames);
  EXPECT_TRUE(kept_old);
  EXPECT_TRUE(reached_new);
}

TEST_P(Fault, FullDiskAtEveryOperationIsReported) {
  const auto check = [&](const TestDirectory& directory, const Outcome& outcome) {
    const int seed = loaded_seed(directory);
    EXPECT_NE(outcome.messages.find("no space left on the disk"), std::string::npos) << outcome.messages;
    if (outcome.exit_code() == 0) {
      // Only the removal of an older checkpoint failed.
      EXPECT_NE(outcome.messages.find("is saved, but an older one stays"), std::string::npos) << outcome.messages;
      EXPECT_EQ(seed, GetParam().save.seed);
      return;
    }
    EXPECT_EQ(outcome.exit_code(), 3) << outcome.messages;
    const std::string checkpoint = (directory / "run").string() + "/" + checkpoint_name(GetParam().save.step);
    EXPECT_NE(outcome.messages.find("environment: checkpoint " + checkpoint + " is not saved: "), std::string::npos)
        << outcome.messages;
    EXPECT_TRUE(seed == seed_before() || seed == GetParam().save.seed) << seed;
    EXPECT_FALSE(std::filesystem::exists(checkpoint + ".tmp"));
  };
  EXPECT_GE(at_every("write", "no_space", check), min_writes);
  EXPECT_GE(at_every("sync", "no_space", check), min_syncs);
  EXPECT_GE(at_every("rename", "no_space", check), min_renames);
}

INSTANTIATE_TEST_SUITE_P(Checkpoint, Fault,
                         testing::Values(FaultCase{"first", {}, {10, 1, 0}, 1},
                                         FaultCase{"next_keeping_two", {{80, 1, 0}, {90, 2, 0}}, {100, 3, 2}, 1},
                                         FaultCase{"next_on_two_ranks", {{90, 2, 0}}, {100, 3, 1}, 2},
                                         FaultCase{"behind_on_two_ranks", {{90, 2, 0}}, {100, 3, 1, true}, 2},
                                         FaultCase{"same_step", {{90, 1, 0}}, {90, 2, 0}, 1}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace kumiko
