// What the program does with command lines, sizes and files that make no sense: it says so, with the promised code.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "cli/program.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

using test::Finished;
using test::TinyRun;

class Hostile : public testing::Test {
 protected:
  void expect(const Finished& finished, int code, const std::string& message) {
    EXPECT_EQ(finished.exit_code, code) << finished.output;
    EXPECT_NE(finished.output.find(message), std::string::npos) << "said:\n"
                                                                << finished.output << "expected:\n"
                                                                << message;
    EXPECT_EQ(finished.output.find("internal"), std::string::npos) << finished.output;
  }

  TinyRun tiny{"hostile"};
};

TEST_F(Hostile, HelpAndVersionEndWithZeroAndPrintTextOnly) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--help"}, {"--help-all"}, {"bench", "step", "--help"}, {"train", "--help"}}) {
    const Finished finished = tiny.run(arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
    EXPECT_GT(finished.output.size(), 100u);
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; };
    EXPECT_TRUE(std::none_of(finished.output.begin(), finished.output.end(), control)) << arguments.back();
    EXPECT_EQ(finished.output.find("\\x0"), std::string::npos) << "a control character, made visible";
  }
  expect(tiny.run({"--version"}), 0, "kumiko ");
}

TEST_F(Hostile, CommandLinesThatAreWrongEndWithTwo) {
  expect(tiny.run({}), 2, "subcommand");
  expect(tiny.run({"no-such-command"}), 2, "");
  expect(tiny.run({"bench", "step", "--no-such-flag"}), 2, "--no-such-flag");
  expect(tiny.run({"bench", "step", "--dtype", "fp8"}), 2, "'fp8': expected one of bf16, fp16, fp32");
  expect(tiny.run({"bench", "step", "--steps", "many"}), 2, "--steps");
  expect(tiny.run({"inspect"}), 2, "path");
}

TEST_F(Hostile, PathsThatCannotBe) {
  write_text_file(tiny.path("file"), "x");
  std::filesystem::create_symlink("loop", tiny.path("loop"));
  expect(tiny.run({"inspect", tiny.path("loop")}), 2, tiny.path("loop"));
  expect(tiny.run({"inspect", std::string(300, 'x')}), 2, "choose a shorter name");
  ASSERT_EQ(::mkfifo(tiny.path("pipe").c_str(), 0600), 0);
  expect(tiny.run({"train", tiny.path("pipe")}), 2, "it is a pipe (FIFO), expected a regular file");
  expect(tiny.run({"train", tiny.path("a\x1b[2Jb.toml")}), 2, "a\\x1b[2Jb.toml: No such file or directory");
}

TEST_F(Hostile, SizesBeyondAnyModel) {
  const auto refused = [&](const std::string& option, const std::string& value, const std::string& message) {
    expect(tiny.train(1, {option, value}), 2, message);
  };
  refused("model.vocab_size", "576460752303423488", "model.vocab_size = 576460752303423488: expected at most");
  refused("model.num_layers", "1000000000000", "model.num_layers = 1000000000000: expected at most 65536");
  refused("model.hidden_size", "4611686018427387904", "model.hidden_size = 4611686018427387904: expected at most");
  refused("model.ffn_hidden_size", "9223372036854775807", "model.ffn_hidden_size = ");
  refused("model.num_attention_heads", "9223372036854775807", "model.num_attention_heads = ");
  refused("train.seq_length", "9223372036854775807", "train.seq_length = 9223372036854775807: expected at most");
  refused("train.micro_batch_size", "4611686018427387904", "train.micro_batch_size = 4611686018427387904 x");
  refused("train.global_batch_size", "4611686018427387904", "train.global_batch_size = ");
  refused("train.train_iters", "9223372036854775807", "train.train_iters = ");
  refused("parallel.tensor_model_parallel_size", "4611686018427387904", "expected 1 to");
}

TEST_F(Hostile, SizesBeyondTheMachineAreRefusedBeforeTheyAreTaken) {
  const std::string advice = "use a smaller model, train.micro_batch_size (now ";
  expect(tiny.train(1, {"model.hidden_size", "1048576"}), 2, advice);
  expect(tiny.train(1, {"train.micro_batch_size", "1000000000", "train.global_batch_size", "1000000000"}), 2, advice);
  expect(tiny.train(1, {"model.vocab_size", "2147483647", "model.hidden_size", "65536"}), 2,
         "would be needed at least");
  expect(tiny.run({"bench", "step", "--num-layers", "60000", "--warmup", "0", "--steps", "1"}), 2, advice);
}

}  // namespace
}  // namespace kumiko
