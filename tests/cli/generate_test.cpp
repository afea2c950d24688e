#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "cli/program.h"

namespace kumiko {
namespace {

using test::TinyRun;

class Generate : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tiny = new TinyRun("generate");
    const auto trained = tiny->train(1, {"checkpoint.save", tiny->path("run"), "train.train_iters", "60"});
    ASSERT_EQ(trained.exit_code, 0) << trained.output;
  }
  static void TearDownTestSuite() {
    delete tiny;
    tiny = nullptr;
  }

  static test::Finished generate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"generate", "--load", tiny->path("run"), "--quiet", "--num-threads", "1"});
    return tiny->run(arguments);
  }

  // The same on ranks. `input`: what standard input holds.
  static test::Finished generate_on(int ranks, const std::vector<std::string>& options, const std::string& input = "") {
    std::ofstream(tiny->path("input")) << input;
    std::vector<std::string> command = {"/bin/sh",
                                        "-c",
                                        "exec \"$@\" < " + tiny->path("input"),
                                        "sh",
                                        KUMIKO_MPIRUN,
                                        std::to_string(ranks),
                                        KUMIKO_PROGRAM,
                                        "generate",
                                        "--load",
                                        tiny->path("run"),
                                        "--quiet",
                                        "--num-threads",
                                        "1"};
    command.insert(command.end(), options.begin(), options.end());
    return test::run_program(command);
  }

  static TinyRun* tiny;
};

TinyRun* Generate::tiny = nullptr;

TEST_F(Generate, ContinuesAPromptBeyondTheContextTheSameWayTwice) {
  // 60 tokens through a context of 16.
  const std::vector<std::string> arguments = {"--prompt", "kamiku", "--max-new-tokens", "60", "--seed", "5"};
  const auto first = generate(arguments);
  ASSERT_EQ(first.exit_code, 0) << first.output;
  EXPECT_EQ(first.output.substr(0, 6), "kamiku");
  EXPECT_GE(first.output.size(), 60u);
  EXPECT_EQ(generate(arguments).output, first.output);
  EXPECT_NE(generate({"--prompt", "kamiku", "--max-new-tokens", "60", "--seed", "6"}).output, first.output);
}

TEST_F(Generate, TakesEachLineOfAFile) {
  std::ofstream(tiny->path("prompts")) << "kumo\n\nmori\n";
  const auto all = generate({"--prompts-file", tiny->path("prompts"), "--max-new-tokens", "5", "--temperature", "0"});
  ASSERT_EQ(all.exit_code, 0) << all.output;
  EXPECT_EQ(all.output.find("kumo"), 0u);
  EXPECT_NE(all.output.find("\nmori"), std::string::npos);
  EXPECT_EQ(all.output.substr(0, all.output.find('\n') + 1),
            generate({"--prompt", "kumo", "--max-new-tokens", "5", "--temperature", "0"}).output);
}

TEST_F(Generate, SaysWhatIsLeftOutOfPromptsAndTheirFile) {
  const auto with = [&](const std::string& text, bool quiet) {
    std::ofstream(tiny->path("odd"), std::ios::binary) << text;
    std::vector<std::string> command = {
        "generate",      "--load", tiny->path("run"), "--num-threads",  "1", "--max-new-tokens", "5",
        "--temperature", "0",      "--prompts-file",  tiny->path("odd")};
    if (quiet) command.push_back("--quiet");
    return tiny->run(command);
  };
  const std::string plain = with("kumo\nmori\n", true).output;
  EXPECT_EQ(with("\xEF\xBB\xBFkumo\r\n\r\nmori\r\n", true).output, plain);
  EXPECT_NE(with("kumo\n\n \nmori\n", false).output.find(tiny->path("odd") + ": 2 blank lines passed over\n"),
            std::string::npos);
  // The context is of 16 bytes.
  const auto cut = with("kumokumokumokumokumo\n", true);
  EXPECT_EQ(cut.exit_code, 0);
  EXPECT_NE(cut.output.find("warning: the prompt has 20 tokens, and the context of the model 16: its first 4 were left "
                            "out\n"),
            std::string::npos)
      << cut.output;
  const auto empty = with("", true);
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_EQ(empty.output, "error: " + tiny->path("odd") + ": the file is empty; expected one prompt a line\n");
}

TEST_F(Generate, MakesTheSameTextOnAnyMesh) {
  std::ofstream(tiny->path("three")) << "kumo\nmori\nnoka\n";
  const std::vector<std::string> file = {"--prompts-file", tiny->path("three"), "--max-new-tokens", "20"};
  const auto expected = generate(file);
  ASSERT_EQ(expected.exit_code, 0) << expected.output;
  const auto with = [&](std::vector<std::string> options) {
    options.insert(options.end(), file.begin(), file.end());
    return options;
  };
  // There may be fewer cores than threads.
  const auto without_warning = [](const std::string& output) {
    return output.starts_with("[rank 0] warning: ") ? output.substr(output.find('\n') + 1) : output;
  };
  EXPECT_EQ(without_warning(generate_on(2, file).output), expected.output);
  EXPECT_EQ(without_warning(generate_on(4, with({"--tensor-model-parallel-size", "2", "--pipeline-model-parallel-size",
                                                 "2", "--rank-order", "pipeline-tensor-context-data"}))
                                .output),
            expected.output);
}

TEST_F(Generate, AsksOnTheFirstRankAlone) {
  const auto one = generate({"--prompt", "kumo", "--max-new-tokens", "5", "--temperature", "0"});
  const auto asked = generate_on(
      2, {"--pipeline-model-parallel-size", "2", "--interactive", "--max-new-tokens", "5", "--temperature", "0"},
      "kumo\nkumo\n");
  EXPECT_EQ(asked.exit_code, 0);
  // What the log says may come between.
  const size_t first = asked.output.find(one.output);
  ASSERT_NE(first, std::string::npos) << asked.output;
  EXPECT_NE(asked.output.find("> " + one.output + "> \n", first), std::string::npos) << asked.output;
}

TEST_F(Generate, RefusesMeshesThatDoNotFit) {
  const auto expect = [](const test::Finished& finished, const std::string& message) {
    EXPECT_EQ(finished.exit_code, 2);
    EXPECT_NE(finished.output.find(message), std::string::npos) << finished.output;
  };
  expect(generate({"--tensor-model-parallel-size", "2"}),
         "error: parallel.tensor_model_parallel_size = 2 does not divide 1 rank: take 2 ranks, or 1 for "
         "parallel.tensor_model_parallel_size");
  expect(generate({"--pipeline-model-parallel-size", "0"}),
         "error: parallel.pipeline_model_parallel_size = 0: expected 1 or more");
  expect(generate_on(3, {"--tensor-model-parallel-size", "3"}),
         "error: parallel.tensor_model_parallel_size = 3: it does not divide model.num_attention_heads = 4");
  expect(generate_on(5, {"--pipeline-model-parallel-size", "5"}),
         "error: 5 pipeline stages for 4 units (embedding, blocks, head)");
}

// Taken away or renamed, a flag breaks scripts.
TEST_F(Generate, HasTheseFlags) {
  const std::string help = tiny->run({"generate", "--help"}).output;
  std::vector<std::string> flags;
  std::istringstream words(help.substr(help.find("--help")));
  for (std::string word; words >> word;) {
    while (word.ends_with(',') || word.ends_with(';')) word.pop_back();
    if (word.starts_with("--") && std::find(flags.begin(), flags.end(), word) == flags.end()) flags.push_back(word);
  }
  EXPECT_EQ(flags, (std::vector<std::string>{"--help",
                                             "--help-all",
                                             "--load",
                                             "--prompt",
                                             "--prompts-file",
                                             "--interactive",
                                             "--tokenizer",
                                             "--end-of-document",
                                             "--no-bos",
                                             "--max-new-tokens",
                                             "--temperature",
                                             "--top-k",
                                             "--top-p",
                                             "--seed",
                                             "--tensor-model-parallel-size",
                                             "--pipeline-model-parallel-size",
                                             "--rank-order",
                                             "--num-threads",
                                             "--bind",
                                             "--quiet"}));
}

TEST_F(Generate, NamesWhatIsWrong) {
  const auto missing = tiny->run({"generate", "--load", tiny->path("nowhere"), "--prompt", "x"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_NE(missing.output.find(tiny->path("nowhere")), std::string::npos) << missing.output;
  const auto range = generate({"--prompt", "x", "--temperature", "-1"});
  EXPECT_EQ(range.exit_code, 2);
  EXPECT_NE(range.output.find("error: --temperature -1: expected 0 or more"), std::string::npos) << range.output;
}

}  // namespace
}  // namespace kumiko
