// Bad input of each kind that a user can give, and what the program says to it.
#include <gtest/gtest.h>

#include <fstream>

#include "cli/program.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

using test::Finished;
using test::TinyRun;

class Messages : public testing::Test {
 protected:
  void expect(const Finished& finished, const std::string& message) {
    EXPECT_EQ(finished.exit_code, 2) << finished.output;
    EXPECT_NE(finished.output.find("error: " + message), std::string::npos) << "said:\n"
                                                                            << finished.output << "expected:\n"
                                                                            << message;
  }
  void expect_train(const std::vector<std::string>& options, const std::string& message, int ranks = 1) {
    expect(tiny.train(ranks, options), message);
  }

  TinyRun tiny{"messages"};
};

TEST_F(Messages, MissingFiles) {
  expect(tiny.run({"train", "/nonexistent.toml"}), "cannot read /nonexistent.toml: No such file or directory");
  expect_train({"data.data_path", tiny.path("nothing")}, "there is no dataset " + tiny.path("nothing"));
  expect_train({"data.tokenizer", tiny.path("nothing.json")}, "no tokenizer " + tiny.path("nothing.json"));
}

TEST_F(Messages, UnknownOptions) {
  expect_train({"train.train_iter", "5"},
               "command line: unknown option 'train.train_iter'; did you mean 'train.train_iters'?");
  std::ofstream(tiny.path("bad.toml")) << "[model]\nnum_layer = 2\n";
  expect(tiny.run({"train", tiny.path("bad.toml")}),
         tiny.path("bad.toml") + " line 2: unknown option 'model.num_layer'; did you mean 'model.num_layers'?");
}

TEST_F(Messages, SizesThatDoNotDivide) {
  expect_train({"model.num_attention_heads", "5"},
               "model.hidden_size = 32 does not divide by model.num_attention_heads = 5; the nearest sizes that do "
               "are 30 and 35");
  expect_train({"train.global_batch_size", "5"},
               "train.global_batch_size = 5 does not divide by train.micro_batch_size = 1 x data-parallel size 2 = 2; "
               "the nearest sizes that do are 4 and 6",
               2);
  expect_train({"parallel.tensor_model_parallel_size", "2"},
               "parallel.tensor_model_parallel_size = 2 does not divide 1 rank: take 2 ranks, or 1 for "
               "parallel.tensor_model_parallel_size");
  expect_train(
      {"train.seq_length", "15", "parallel.tensor_model_parallel_size", "2", "parallel.sequence_parallel", "true"},
      "parallel.sequence_parallel = true: the 15 tokens of a micro-batch (train.micro_batch_size = 1 x "
      "train.seq_length = 15) do not divide by parallel.tensor_model_parallel_size = 2; the nearest lengths that do "
      "are 14 and 16",
      2);
  expect_train({"train.seq_length", "32", "model.max_position_embeddings", "16"},
               "train.seq_length = 32 is longer than the model's model.max_position_embeddings = 16");
}

TEST_F(Messages, SchedulesThatMakeNoSense) {
  const auto with = [](std::vector<std::string> options) {
    options.insert(options.end(), {"train.train_iters", "10", "optimizer.lr_decay_iters", "0"});
    return options;
  };
  expect_train(with({"optimizer.lr_warmup_iters", "10"}),
               "optimizer.lr_warmup_iters = 10 must be less than train.train_iters = 10, where the decay ends unless "
               "optimizer.lr_decay_iters is given");
  expect_train(
      with({"optimizer.lr_decay_style", "WSD", "optimizer.lr_wsd_decay_iters", "8", "optimizer.lr_warmup_iters", "3"}),
      "optimizer.lr_wsd_decay_iters = 8: with optimizer.lr_decay_style = WSD the last part takes from 1 to 7 "
      "steps");
  expect_train(with({"optimizer.lr", "1e-3", "optimizer.lr_warmup_init", "2e-3"}),
               "optimizer.lr_warmup_init = 0.002 is larger than optimizer.lr = 0.001");
  const Finished finished = tiny.train(1, with({"optimizer.lr_decay_style", "WSD", "optimizer.lr_wsd_decay_iters", "7",
                                                "optimizer.lr_warmup_iters", "3"}));
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
}

TEST_F(Messages, MomentumThatACheckpointDoesNotHave) {
  const std::string save = tiny.path("plain-sgd");
  const auto run = [&](const std::string& optimizer, const std::string& momentum, const std::string& steps) {
    return tiny.train(1, {"checkpoint.save", save, "checkpoint.load", save, "optimizer.optimizer", optimizer,
                          "optimizer.sgd_momentum", momentum, "train.train_iters", steps});
  };
  EXPECT_EQ(run("sgd", "0", "2").exit_code, 0);
  for (const char* optimizer : {"sgd", "adam"}) {
    expect(run(optimizer, "0.9", "3"),
           save +
               "/step-0000002 was saved with optimizer.optimizer = sgd and optimizer.sgd_momentum = 0, so it holds no "
               "momentum or other state of an optimizer to go on from; resume with these two, or begin a run with its "
               "weights: set checkpoint.finetune = true");
  }
  EXPECT_EQ(run("sgd", "0", "3").exit_code, 0);
}

TEST_F(Messages, TokensBeyondTheVocabulary) {
  expect_train({"data.tokenizer", "", "model.vocab_size", "50"},
               "token id 110 in " + tiny.path("data") + " (sequence 0, token 0) exceeds vocab_size 50");
}

TEST_F(Messages, DocumentsWithoutAnEnd) {
  expect_train({"data.reset_attention_mask", "true"},
               "data.reset_attention_mask = true needs to know which token ends a document, and data.tokenizer = bytes "
               "has none (such as <|endoftext|>): give the token's id as data.eod_token_id");
  expect_train({"data.eod_mask_loss", "true", "data.tokenizer", "", "model.vocab_size", "256"},
               "data.eod_mask_loss = true needs to know which token ends a document: give data.tokenizer, that of the "
               "dataset, or the token's id as data.eod_token_id");
  expect_train({"data.reset_position_ids", "true", "data.eod_token_id", "256"},
               "data.eod_token_id = 256 is not a token of the model, which has the ids 0 to 255");
  expect_train({"data.eod_token_id", "-2"}, "data.eod_token_id = -2: expected the id of a token, or -1");
  const Finished finished = tiny.train(1, {"data.reset_attention_mask", "true", "data.eod_token_id", "0"});
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_NE(finished.output.find("samples holds the token that ends a document, 0: keeping documents apart changes "
                                 "nothing; build the dataset with `kumiko data build --append-eod`"),
            std::string::npos)
      << finished.output;
}

TEST_F(Messages, DamagedDataset) {
  std::filesystem::resize_file(tiny.path("data.idx"), 100);
  expect_train({}, tiny.path("data.idx"));
}

TEST_F(Messages, DamagedTokenizer) {
  std::ofstream(tiny.path("tokenizer.json")) << "{\"version\": \"1.0\", \"model\": {";
  expect_train({"data.tokenizer", tiny.path("tokenizer.json")}, "the tokenizer " + tiny.path("tokenizer.json"));
}

TEST_F(Messages, CheckpointOfAnotherModel) {
  ASSERT_EQ(tiny.train(1, {"checkpoint.save", tiny.path("run"), "train.train_iters", "1"}).exit_code, 0);
  const Finished finished =
      tiny.train(1, {"checkpoint.load", tiny.path("run"), "model.num_layers", "3", "train.seed", "7"});
  expect(finished, tiny.path("run/step-0000001") + " is of another run:");
  EXPECT_NE(finished.output.find("model.num_layers: 2 in the checkpoint, 3 now"), std::string::npos);
  EXPECT_NE(finished.output.find("train.seed: 1234 in the checkpoint, 7 now"), std::string::npos);
}

TEST_F(Messages, DamagedCheckpoint) {
  ASSERT_EQ(
      tiny.train(1, {"checkpoint.save", tiny.path("run"), "train.train_iters", "2", "checkpoint.save_interval", "1"})
          .exit_code,
      0);
  const std::string file = tiny.path("run/step-0000002/rank-00000-of-00001.safetensors");
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 10);
  const Finished finished = tiny.train(1, {"checkpoint.load", tiny.path("run")});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_NE(finished.output.find(file), std::string::npos) << finished.output;
  EXPECT_NE(finished.output.find(tiny.path("run/step-0000001")), std::string::npos) << finished.output;
}

TEST_F(Messages, RanksThatDisagree) {
  const Finished finished = test::run_program(
      {"/bin/bash", "-c",
       std::string(KUMIKO_MPIRUN) + " 2 /bin/bash -c '" + KUMIKO_PROGRAM + " train " + tiny.path("run.toml") +
           " --optimizer.lr 1e-$((3 + ${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}}))'"});
  EXPECT_EQ(finished.exit_code, 2) << finished.output;
  EXPECT_NE(finished.output.find("the ranks disagree about optimizer.lr:\n  rank 0 on "), std::string::npos)
      << finished.output;
  EXPECT_NE(finished.output.find(": 0.0001\n"), std::string::npos) << finished.output;
}

}  // namespace
}  // namespace kumiko
