#include "kumiko/train/config.h"

#include <gtest/gtest.h>

#include <functional>

#include "kumiko/base/error.h"
#include "kumiko/model/presets.h"
#include "kumiko/train/batches.h"

namespace kumiko {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(ParseConfig, ReadsSectionsAndOverrides) {
  const Config config = parse_config(
      "[model]\nnum_layers = 3\n[data]\ndata_path = [\"a\", \"b\"]\n[optimizer]\n"
      "lr = 1e-4\nlr_decay_style = \"WSD\"\n[logging]\ntensorboard = false\n",
      "run.toml", {{"train.seq_length", "64"}, {"model.num_layers", "5"}});
  EXPECT_EQ(config.model.num_layers, 5);
  EXPECT_EQ(config.data.data_path, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.optimizer.lr, 1e-4);
  EXPECT_EQ(config.optimizer.lr_decay_style, DecayStyle::wsd);
  EXPECT_FALSE(config.logging.tensorboard);
  EXPECT_EQ(config.train.seq_length, 64);
}

TEST(ParseConfig, OtherOptionsOverrideAPresetWhereverItStands) {
  const Config config = parse_config("[model]\nnum_layers = 3\npreset = \"gpt2-355m\"\n", "run.toml");
  EXPECT_EQ(config.model.num_layers, 3);
  EXPECT_EQ(config.model.hidden_size, 1024);
  EXPECT_EQ(config.model.vocab_size, 50257);
}

TEST(ParseConfig, WritesWhatItReads) {
  Config config;
  config.data.data_path = {"0.3", "a \"quoted\" name", "0.7", "b"};
  config.model.preset = "gpt2-124m";
  apply_preset(config.model, "gpt2-124m");
  config.model.num_layers = 2;
  config.optimizer.lr = 0.1 + 0.2;
  config.checkpoint.save = "1";
  const std::string text = config.to_toml();
  EXPECT_EQ(parse_config(text, "written").to_toml(), text);
}

TEST(ParseConfig, NamesFileLineAndNearestOption) {
  EXPECT_EQ(message_of([] { parse_config("[train]\n\nmicro_batchsize = 4\n", "run.toml"); }),
            "run.toml line 3: unknown option 'train.micro_batchsize'; did you mean 'train.micro_batch_size'?");
  EXPECT_EQ(message_of([] { parse_config("[train]\nseq_length = \"long\"\n", "run.toml"); }),
            "run.toml line 2: train.seq_length = long: 'long' is not a whole number; tokens a sample");
  EXPECT_EQ(message_of([] { parse_config("lr = 1\n", "run.toml"); }),
            "run.toml line 1: option 'lr' stands outside a section; write it under [model], [data], [train], "
            "[optimizer], [parallel], [checkpoint] or [logging]");
  EXPECT_EQ(message_of([] { parse_config("[train\n", "run.toml"); }).substr(0, 16), "run.toml line 1:");
  EXPECT_EQ(message_of([] { load_config("/nonexistent.toml", {}); }),
            "cannot read /nonexistent.toml: No such file or directory");
}

TEST(ParallelOptions, AreChecked) {
  const auto message = [](const char* option, const char* text) {
    return message_of([&] { parse_config("", "run.toml", {{option, text}}).parallel.validate(); });
  };
  EXPECT_EQ(
      message("parallel.rank_order", "data-tensor"),
      "parallel.rank_order = \"data-tensor\": 2 of 4 axes are missing; expected the axes tensor, context, pipeline "
      "and data, each once, joined by hyphens, the one whose ranks are neighbours first: "
      "tensor-context-pipeline-data is the default");
  EXPECT_EQ(message("parallel.tensor_model_parallel_size", "0"),
            "parallel.tensor_model_parallel_size = 0: expected 1 or more");
}

TEST(ParseOverrides, TakesBothForms) {
  EXPECT_EQ(parse_overrides({"--train.seed", "7", "--data.split=1,1,1"}),
            (Overrides{{"train.seed", "7"}, {"data.split", "1,1,1"}}));
  EXPECT_EQ(message_of([] {
              parse_overrides({"--seed", "7"});
            }),
            "command line: '--seed' is not an option; write --section.key value, as --train.train_iters 100");
  EXPECT_EQ(message_of([] { parse_overrides({"--train.seed"}); }),
            "command line: --train.seed has no value; write --train.seed VALUE");
}

TEST(BatchLayout, NamesTheNearestSizesThatDivide) {
  BatchLayout layout;
  layout.micro_batch_size = 4;
  layout.num_ranks = 2;
  layout.global_batch_size = 20;
  EXPECT_EQ(message_of([&] { layout.validate(); }),
            "train.global_batch_size = 20 does not divide by train.micro_batch_size = 4 x data-parallel size 2 = 8; "
            "the nearest sizes that do are 16 and 24");
  layout.global_batch_size = 4;
  EXPECT_EQ(message_of([&] { layout.validate(); }),
            "train.global_batch_size = 4 does not divide by train.micro_batch_size = 4 x data-parallel size 2 = 8; "
            "the nearest sizes that do are 8");
  layout.global_batch_size = 24;
  layout.validate();
  EXPECT_EQ(layout.num_micro_batches(), 3);
}

}  // namespace
}  // namespace kumiko
