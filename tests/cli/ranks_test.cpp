// Ranks that were told or read different things: each rank runs in a folder of its own, as if the folders were local to
// nodes.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "cli/program.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;
using test::Finished;
using test::TinyRun;

// A tiny run in rank0 and rank1, each with a configuration and a dataset of its own, and a folder `shared` beside them.
class TwoFolders {
 public:
  explicit TwoFolders(const std::string& name) : tiny_(name) {
    fs::create_directories(path("shared"));
    for (const int rank : {0, 1}) {
      fs::create_directories(of(rank));
      for (const char* file : {"data.bin", "data.idx", "run.toml"}) fs::copy_file(path(file), of(rank) / file);
      fs::create_directory_symlink(path("shared"), of(rank) / "s");
    }
  }

  std::string path(const std::string& name) const { return tiny_.path(name); }
  fs::path of(int rank) const { return tiny_.directory() / ("rank" + std::to_string(rank)); }

  Finished run(std::vector<std::string> arguments) const {
    const std::string shell = "cd " + path("rank") + "${OMPI_COMM_WORLD_RANK:-$PMI_RANK} && exec \"$0\" \"$@\"";
    arguments.insert(arguments.begin(), {KUMIKO_MPIRUN, "2", "/bin/sh", "-c", shell, KUMIKO_PROGRAM});
    return test::run_program(arguments);
  }
  Finished train(const std::vector<std::string>& options) const {
    std::vector<std::string> arguments = {"train", "run.toml", "--data.data_path", "data"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return run(arguments);
  }

 private:
  TinyRun tiny_;
};

void expect_refusal(const Finished& finished, const std::vector<std::string>& texts, int code = 2) {
  EXPECT_EQ(finished.exit_code, code) << finished.output;
  for (const std::string& text : texts) {
    EXPECT_NE(finished.output.find(text), std::string::npos) << text << " is not in:\n" << finished.output;
  }
  EXPECT_EQ(finished.output.find("died"), std::string::npos) << finished.output;
  const size_t first = finished.output.find("error: ");
  EXPECT_EQ(finished.output.find("error: ", first + 1), std::string::npos) << "said twice:\n" << finished.output;
}

void append(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::app) << text; }

TEST(Ranks, AreToldWhichOneHasABrokenConfiguration) {
  const TwoFolders folders("rank_config");
  append(folders.of(1) / "run.toml", "x = [\n");
  expect_refusal(folders.train({}), {"[rank 0] error: rank 1 on ", ": run.toml line "});
  fs::remove(folders.of(1) / "run.toml");
  expect_refusal(folders.train({}), {"[rank 0] error: rank 1 on ", ": cannot read run.toml: No such file"});
  fs::remove(folders.of(0) / "run.toml");
  expect_refusal(folders.train({}), {"[rank 0] error: cannot read run.toml: No such file"});
}

TEST(Ranks, AreToldOnceWhatIsWrongForAll) {
  const TwoFolders folders("rank_option");
  expect_refusal(folders.train({"--train.seq_length", "0"}), {"train.seq_length = 0: expected 1 or more"});
}

TEST(Ranks, NameTheOptionThatDiffers) {
  const TwoFolders folders("rank_options");
  append(folders.of(1) / "run.toml", "[logging]\nlog_interval = 3\n");
  expect_refusal(folders.train({}), {"the ranks disagree about logging.log_interval:", "  rank 0 on ", ": 1\n  rank 1",
                                     ": 3\nGive every rank the same configuration file and command line."});
}

TEST(Ranks, NameTheDatasetThatDiffers) {
  const TwoFolders folders("rank_data");
  // One token of the last block, in place of which an older copy has another.
  const std::string bytes = read_text_file(folders.of(1) / "data.bin");
  write_text_file(folders.of(1) / "data.bin", bytes.substr(0, bytes.size() - 2) + std::string("z\0", 2));
  expect_refusal(folders.train({}), {"the ranks disagree about the dataset data:", "bytes of tokens"});
  fs::remove(folders.of(1) / "data.bin");
  expect_refusal(folders.train({}), {"rank 1 on ", ": there is no dataset data"});
}

constexpr const char* tokenizer = R"({"added_tokens": [], "pre_tokenizer": null, "decoder": null, "normalizer": null,
  "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2}, "merges": []}})";

TEST(Ranks, NameTheTokenizerThatDiffers) {
  const TwoFolders folders("rank_tokenizer");
  std::string text = tokenizer;
  for (const int rank : {0, 1}) {
    write_text_file(folders.of(rank) / "tokenizer.json", text);
    std::swap(text[text.find("\"a\"") + 1], text[text.find("\"b\"") + 1]);
  }
  expect_refusal(folders.train({"--data.tokenizer", "tokenizer.json", "--model.vocab_size", "256"}),
                 {"the ranks disagree about the tokenizer tokenizer.json:", "checksum "});
}

// The folder of rank 1 is its own, and empty, or it is the shared one after a while.
TEST(Ranks, SeeTheSameCheckpointOrWaitOrStop) {
  const TwoFolders folders("rank_checkpoint");
  ASSERT_EQ(folders.train({"--checkpoint.save", "s", "--train.exit_interval", "4"}).exit_code, 0);
  const fs::path link = folders.of(1) / "s";
  const auto resume = [&] { return folders.train({"--checkpoint.save", "s", "--checkpoint.load", "s"}); };
  fs::remove(link);
  fs::create_directory(link);
  expect_refusal(resume(), {"the ranks disagree about the checkpoints in checkpoint.load = s:\n  rank 0 on ",
                            ": step 4, manifest checksum ", ": no checkpoint\n"});
  EXPECT_TRUE(fs::is_empty(link));
  std::thread network([&] {
    std::this_thread::sleep_for(std::chrono::seconds(4));
    fs::remove(link);
    fs::create_directory_symlink(folders.path("shared"), link);
  });
  const Finished finished = resume();
  network.join();
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_NE(finished.output.find("all ranks see the same now, after "), std::string::npos) << finished.output;
}

// Found before the first step, and without a trace in either folder.
TEST(Ranks, FindAFolderThatIsLocalToANodeBeforeTheFirstStep) {
  const TwoFolders folders("rank_save");
  fs::remove(folders.of(1) / "s");
  fs::create_directory(folders.of(1) / "s");
  expect_refusal(
      folders.train({"--checkpoint.save", "s"}),
      {"the ranks disagree about the folder checkpoint.save = s:", ": the folder of rank 0\n", ": another folder"});
  EXPECT_TRUE(fs::is_empty(folders.path("shared")));
  EXPECT_TRUE(fs::is_empty(folders.of(1) / "s"));
}

TEST(Ranks, FindAFolderThatCannotBeWrittenToBeforeTheFirstStep) {
  const TwoFolders folders("rank_unwritable");
  for (const char* option : {"--checkpoint.save", "--logging.run_dir"}) {
    expect_refusal(folders.train({option, "run.toml"}), {" = run.toml: the folder cannot be made: Not a directory"}, 3);
    expect_refusal(folders.train({option, "/proc"}), {" = /proc: a file cannot be made there: "}, 3);
  }
}

TEST(Ranks, SayThatOmpNumThreadsDecides) {
  const TinyRun tiny("omp_num_threads");
  const Finished finished = tiny.train(
      1, {"parallel.num_threads", "0", "parallel.bind", "none", "train.train_iters", "1"}, {"OMP_NUM_THREADS=1"});
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_NE(finished.output.find("1 thread by OMP_NUM_THREADS, not bound"), std::string::npos) << finished.output;
}

TEST(Ranks, AreWarnedOfMoreThreadsThanCores) {
  const TinyRun tiny("threads");
  const Finished finished = tiny.train(1, {"parallel.num_threads", "1000", "train.train_iters", "0"});
  EXPECT_NE(finished.output.find("1000 threads share "), std::string::npos) << finished.output;
}

}  // namespace
}  // namespace kumiko
