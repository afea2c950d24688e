// What several ranks see in folders: a world test, each rank with a folder of its own where that is wanted.
#include "kumiko/train/rank_agreement.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <set>

#include "kumiko/base/file.h"
#include "kumiko/checkpoint/exchange.h"
#include "kumiko/train/folder_probe.h"
#include "kumiko/train/rank_facts.h"
#include "support/world.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;
using test::everyone;

// "" or the exit code and the message, which is the same on every rank.
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const SharedError& error) {
    return std::to_string(exit_code(error.kind())) + " " + error.what();
  }
  return "";
}

// A folder that all ranks know; rank 0 makes and removes it.
class SharedFolder {
 public:
  explicit SharedFolder(Communicator& all) : all_(all) {
    path_ =
        broadcast_text(all, (fs::temp_directory_path() / ("kumiko_ranks_" + std::to_string(::getpid()))).string(), 0);
    if (all.rank() == 0) fs::create_directories(path_);
    all.barrier("test").wait();
  }
  ~SharedFolder() {
    all_.barrier("test").wait();
    if (all_.rank() == 0) fs::remove_all(path_);
    all_.barrier("test").wait();
  }
  const fs::path& path() const { return path_; }

 private:
  Communicator& all_;
  fs::path path_;
};

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

TEST(AwaitAgreement, LooksAgainUntilTheRanksAgree) {
  const auto all = everyone();
  int looks = 0;
  const auto look = [&]() -> std::vector<Fact> {
    ++looks;
    return {{"the checkpoints", all->rank() == 1 && looks < 3 ? "step 8" : "step 12", "Wait."}};
  };
  const int again = await_agreement(*all, look, {}, {5, 0.01});
  EXPECT_EQ(again, all->size() > 1 ? 2 : 0);
  EXPECT_EQ(looks, again + 1);
}

TEST(AwaitAgreement, EndsWithTheDifference) {
  const auto all = everyone();
  if (all->size() == 1) GTEST_SKIP() << "no one to disagree with";
  const auto look = [&]() -> std::vector<Fact> { return {{"x", all->rank() == 0 ? "1" : "2", "Wait."}}; };
  const std::string message = message_of([&] { await_agreement(*all, look, {}, {3, 0.01}); });
  EXPECT_EQ(message.find("2 the ranks disagree about x:\n  rank 0: 1\n"), 0u) << message;
}

TEST(SharedProbe, LeavesNothingBehind) {
  const auto all = everyone();
  const SharedFolder folder(*all);
  const std::string deep = (folder.path() / "a/b").string();
  EXPECT_EQ(message_of([&] { probe_shared_folder(*all, "checkpoint.save", deep); }), "");
  all->barrier("test").wait();
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"a", "b"}));
}

TEST(SharedProbe, FindsAFolderThatIsLocalToARank) {
  const auto all = everyone();
  if (all->size() == 1) GTEST_SKIP() << "one rank has one folder";
  const SharedFolder folder(*all);
  const fs::path before = fs::current_path();
  const fs::path node = folder.path() / ("node" + std::to_string(all->rank()));
  fs::create_directories(all->rank() > 1 ? node / "run/s" : node);
  fs::current_path(node);
  const std::string message = message_of([&] { probe_shared_folder(*all, "checkpoint.save", "run/s", {}, 0.2); });
  fs::current_path(before);
  EXPECT_EQ(message.find("2 the ranks disagree about the folder checkpoint.save = run/s:\n  rank 0: the folder of rank "
                         "0\n  rank 1: no such folder\n"),
            0u)
      << message;
  EXPECT_EQ(message.find("rank 2: another folder") != std::string::npos, all->size() > 2) << message;
  EXPECT_NE(message.find("put checkpoint.save on a file system that all nodes share"), std::string::npos) << message;
  all->barrier("test").wait();
  EXPECT_EQ(names_in(node).size(), all->rank() > 1 ? 2u : 0u);
}

TEST(SharedProbe, SaysWhyAFolderCannotBeWrittenTo) {
  const auto all = everyone();
  const SharedFolder folder(*all);
  const fs::path file = folder.path() / "file";
  if (all->rank() == 0) write_text_file(file, "x");
  all->barrier("test").wait();
  for (const std::string& below : {std::string(), std::string("/s")}) {
    const std::string message =
        message_of([&] { probe_shared_folder(*all, "checkpoint.save", file.string() + below); });
    EXPECT_EQ(message.find(all->size() == 1 ? "3 checkpoint.save = " : "3 rank 0: checkpoint.save = "), 0u) << message;
    EXPECT_NE(message.find("the folder cannot be made: Not a directory"), std::string::npos) << message;
  }
  // A file system without room for anything, as /proc, also for root.
  const std::string message = message_of([&] { probe_shared_folder(*all, "checkpoint.save", "/proc/kumiko"); });
  EXPECT_NE(message.find("checkpoint.save = /proc/kumiko: the folder cannot be made: "), std::string::npos) << message;
  EXPECT_EQ(message_of([&] { probe_shared_folder(*all, "checkpoint.save", "/proc"); }).find("3 "), 0u);
}

std::string space_message(const SpaceFacts& facts) {
  try {
    return check_space(facts);
  } catch (const Error& error) {
    return std::to_string(exit_code(error.kind())) + " " + error.what();
  }
}

TEST(Space, IsRefusedWhereNoCheckpointFits) {
  SpaceFacts facts{"runs/x", 999, 1000, 4, 3, 0};
  EXPECT_EQ(space_message(facts).find("3 checkpoint.save = runs/x: 999 B are free, but one checkpoint takes 1000 B"),
            0u)
      << space_message(facts);
  facts.kept_now = 9;
  EXPECT_EQ(space_message(facts).find("3 "), 0u);
  facts.saves = 0;
  EXPECT_EQ(space_message(facts), "");
}

TEST(Space, IsWarnedOfWhereNotAllFit) {
  EXPECT_EQ(space_message({"x", 4000, 1000, 10, 3, 0}), "");
  EXPECT_NE(space_message({"x", 3999, 1000, 10, 3, 0}).find("room for 4 more checkpoints"), std::string::npos);
  EXPECT_EQ(space_message({"x", 2000, 1000, 2, 3, 0}), "");
  EXPECT_EQ(space_message({"x", 2000, 1000, 10, 3, 2}), "");
  EXPECT_EQ(space_message({"x", 1000, 1000, 10, 3, 7}), "");
  EXPECT_NE(space_message({"x", 3999, 1000, 4, 0, 0}).find("checkpoint.keep_last = 0 keeps all"), std::string::npos);
}

TEST(CheckpointsFact, TellsStatesOfAFolderApart) {
  const auto all = everyone();
  const SharedFolder folder(*all);
  const auto value = [&](const fs::path& path) { return checkpoints_fact("checkpoint.load", path.string()).value; };
  EXPECT_EQ(value(folder.path() / "none"), "no such folder");
  EXPECT_EQ(value(folder.path()), "no checkpoint");
  all->barrier("test").wait();
  const fs::path step = folder.path() / "step-0000004";
  if (all->rank() == 0) {
    fs::create_directories(step);
    write_text_file(step / "manifest.json", "{}");
  }
  all->barrier("test").wait();
  const std::string without_latest = value(folder.path());
  EXPECT_EQ(without_latest.find("step 4 (without `latest`), manifest checksum "), 0u) << without_latest;
  EXPECT_EQ(value(step).find("a checkpoint, manifest checksum "), 0u);
  all->barrier("test").wait();
  if (all->rank() == 0) write_text_file(folder.path() / "latest", "step-0000004\n");
  all->barrier("test").wait();
  EXPECT_EQ(value(folder.path()).find("step 4, manifest checksum "), 0u);
  all->barrier("test").wait();
  if (all->rank() == 0) write_text_file(folder.path() / "latest", "nonsense\n");
  all->barrier("test").wait();
  EXPECT_NE(value(folder.path()).find("latest is damaged"), std::string::npos);
}

TEST(ProgramFact, NamesVersionAndBuild) {
  EXPECT_EQ(program_fact().value.find("kumiko "), 0u);
  EXPECT_EQ(program_fact().value, program_fact().value);
}

}  // namespace
}  // namespace kumiko
