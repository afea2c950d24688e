#include <gtest/gtest.h>

#include <fstream>

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
