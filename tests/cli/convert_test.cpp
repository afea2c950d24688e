// A model through its whole life: trained here, taken out, brought in again, trained on.
#include <gtest/gtest.h>

#include <fstream>

#include "cli/program.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

using test::Finished;
using test::LoggedStep;
using test::TinyRun;

class Convert : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tiny = new TinyRun("convert");
    expect_success(tiny->train(1, {"checkpoint.save", tiny->path("run"), "train.train_iters", "40"}));
    expect_success(convert({"hf-export", "--load", tiny->path("run"), "--output", tiny->path("hf")}));
    expect_success(convert({"hf-import", "--input", tiny->path("hf"), "--save", tiny->path("imported")}));
  }
  static void TearDownTestSuite() {
    delete tiny;
    tiny = nullptr;
  }

  static void expect_success(const Finished& finished) { ASSERT_EQ(finished.exit_code, 0) << finished.output; }
  static void expect_error(const Finished& finished, const std::vector<std::string>& phrases) {
    EXPECT_EQ(finished.exit_code, 2) << finished.output;
    for (const std::string& phrase : phrases) {
      EXPECT_NE(finished.output.find(phrase), std::string::npos) << phrase << " is not in\n" << finished.output;
    }
  }
  static Finished convert(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "convert");
    return tiny->run(arguments);
  }
  static Finished tune(const std::string& load, const std::string& save, std::vector<std::string> options) {
    options.insert(options.end(), {"checkpoint.load", tiny->path(load), "checkpoint.save", tiny->path(save)});
    return tiny->train(1, options);
  }

  static TinyRun* tiny;
};

TinyRun* Convert::tiny = nullptr;

TEST_F(Convert, WritesTheSameTextBeforeAndAfter) {
  const auto generate = [&](const std::string& load) {
    return tiny
        ->run({"generate", "--load", tiny->path(load), "--tokenizer", "bytes", "--prompt", "kamiku", "--quiet",
               "--num-threads", "1", "--max-new-tokens", "12", "--seed", "5"})
        .output;
  };
  EXPECT_EQ(generate("imported"), generate("run"));
}

TEST_F(Convert, TrainsOnFromWeightsAlone) {
  const std::vector<std::string> options = {"checkpoint.finetune", "true", "train.train_iters", "4"};
  expect_success(tune("imported", "tuned", options));
  const std::vector<LoggedStep> tuned = tiny->steps("tuned");
  ASSERT_EQ(tuned.size(), 4u);
  EXPECT_EQ(tuned[0].step, 1);
  EXPECT_LT(tuned[0].loss, 0.8 * tiny->steps("run")[0].loss);
  // The weights of a checkpoint with an optimizer's state do as well, and are the same.
  expect_success(tune("run", "tuned_from_run", options));
  EXPECT_EQ(tiny->steps("tuned_from_run"), tuned);
  // The same command again goes on where it was.
  expect_success(tune("imported", "tuned", {"checkpoint.finetune", "true", "train.train_iters", "6"}));
  EXPECT_EQ(tiny->steps("tuned").back().step, 6);
  EXPECT_EQ(tiny->steps("tuned").size(), 6u);
}

// Begun on two tensor-parallel ranks, continued on one from what reshard makes of it.
TEST_F(Convert, ReshardedRunsGoOn) {
  const std::vector<std::string> to_the_end = {"train.train_iters", "12"};
  std::vector<std::string> whole = to_the_end;
  whole.insert(whole.end(), {"logging.run_dir", tiny->path("whole")});
  expect_success(tiny->train(1, whole));
  expect_success(tiny->train(2, {"train.train_iters", "12", "train.exit_interval", "5", "checkpoint.save",
                                 tiny->path("two"), "parallel.tensor_model_parallel_size", "2"}));
  const Finished resharded =
      convert({"reshard", "--load", tiny->path("two"), "--save", tiny->path("one"), "--data-parallel-size", "1"});
  expect_success(resharded);
  EXPECT_NE(resharded.output.find("one/step-0000005: "), std::string::npos) << resharded.output;
  EXPECT_TRUE(std::filesystem::exists(tiny->path("one/step-0000005/rank-00000-of-00001.safetensors")));
  std::vector<std::string> rest = to_the_end;
  rest.insert(rest.end(), {"checkpoint.load", tiny->path("one"), "logging.run_dir", tiny->path("rest")});
  expect_success(tiny->train(1, rest));
  const std::vector<LoggedStep> expected = tiny->steps("whole");
  const std::vector<LoggedStep> found = tiny->steps("rest");
  ASSERT_EQ(found.size(), 7u);
  for (const LoggedStep& step : found) {
    // Single precision.
    EXPECT_NEAR(step.loss, expected[static_cast<size_t>(step.step - 1)].loss, 1e-3) << step.step;
  }
  expect_error(convert({"reshard", "--load", tiny->path("two"), "--save", tiny->path("one")}),
               {"is there already, and not empty"});
  expect_error(convert({"reshard", "--load", tiny->path("two"), "--save", tiny->path("three"),
                        "--tensor-model-parallel-size", "3"}),
               {"tensor_model_parallel_size = 3"});
}

TEST_F(Convert, SaysHowToTrainFromAnImportedModel) {
  expect_error(tune("imported", "other", {}),
               {"imported/step-0000000 holds weights only", "checkpoint.finetune = true"});
  expect_error(tune("imported", "imported", {"checkpoint.finetune", "true"}), {"checkpoint.save and checkpoint.load"});
  expect_error(tune("nothing", "other", {"checkpoint.finetune", "true"}), {"nothing is not there"});
  expect_error(tune("imported", "other", {"checkpoint.finetune", "true", "model.layernorm_epsilon", "1e-6"}),
               {"is of another model", "model.layernorm_epsilon: 1e-05 in the checkpoint, 1e-06 now", "model.toml"});
  expect_error(tiny->train(1, {"checkpoint.finetune", "true"}), {"checkpoint.finetune needs checkpoint.load"});
}

TEST_F(Convert, WritesAConfigurationToTrainWith) {
  const Finished shown = tiny->run({"train", tiny->path("imported/model.toml"), "--show-config"});
  EXPECT_EQ(shown.exit_code, 0) << shown.output;
  EXPECT_NE(shown.output.find("hidden_size = 32\n"), std::string::npos) << shown.output;
}

TEST_F(Convert, NamesWhatIsWrong) {
  expect_error(convert({"hf-export", "--load", tiny->path("run"), "--output", tiny->path("hf")}),
               {"hf is there already, and not empty"});
  expect_error(
      convert({"hf-export", "--load", tiny->path("run"), "--output", tiny->path("x"), "--max-shard-size", "5 GB"}),
      {"'5 GB' is not the size of a file"});
  expect_error(convert({"hf-import", "--input", tiny->path("data"), "--save", tiny->path("x")}), {"is not a folder"});
  const Finished gguf =
      convert({"gguf-export", "--load", tiny->path("run"), "--output", tiny->path("m.gguf"), "--type", "Q8_0"});
  EXPECT_EQ(gguf.exit_code, 0) << gguf.output;
  EXPECT_EQ(read_text_file(tiny->path("m.gguf")).substr(0, 4), "GGUF");
}

}  // namespace
}  // namespace kumiko
