// Where ranks are, as the program shows it, and the scaling record as a user runs it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

using test::Finished;
using test::TinyRun;

// kumiko with these arguments on `ranks` ranks.
Finished on_ranks(int ranks, const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {KUMIKO_MPIRUN, std::to_string(ranks), KUMIKO_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return test::run_program(command);
}

void expect_text(const Finished& finished, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    EXPECT_NE(finished.output.find(text), std::string::npos) << "said:\n" << finished.output << "expected:\n" << text;
  }
}

TEST(InspectMesh, ShowsTheRanksThatAreThere) {
  const Finished finished = on_ranks(4, {"inspect", "mesh", "--tensor-model-parallel-size", "2"});
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  expect_text(finished, {"2 data x 1 pipeline x 1 context x 2 tensor, ranks in the order tensor-context-pipeline-data",
                         "    rank   data  pipeline  context  tensor   place\n",
                         "\n       3      1         0        0       1   ",
                         "tensor         2        2   0, 1                     2 in one ",
                         "data           2        2   0, 2                     2 in one "});
}

TEST(InspectMesh, PlansOnesThatAreNot) {
  const TinyRun tiny("mesh_plan");
  const Finished finished =
      tiny.run({"inspect", "mesh", "--num-ranks", "8", "--tensor-model-parallel-size", "4", "--ranks-per-node", "4"});
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  expect_text(finished, {"       7      1         0        0       3   node 1\n",
                         "tensor         4        2   0, 1, 2, 3               2 in one node\n",
                         "data           2        4   0, 4                     4 over the network\n"});
  const Finished refused = tiny.run({"inspect", "mesh", "--torus", "2x2x2"});
  EXPECT_EQ(refused.exit_code, 2);
  expect_text(refused, {"error: --torus, --fat-tree and --vcoordfile plan a job: give its ranks with --num-ranks"});
}

TEST(Train, SaysWhereEachRankIs) {
  const TinyRun tiny("mesh_train");
  const Finished finished =
      tiny.train(2, {"parallel.tensor_model_parallel_size", "2", "train.train_iters", "1"}, {"COLUMNS=100"});
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  expect_text(finished, {"rank 0, tensor 0: ", "rank 1, tensor 1: ", "tensor: 1 group of 2 ranks (0, 1), 1 in one "});
}

TEST(BenchScaling, WritesTheRecord) {
  const TinyRun tiny("scaling");
  const std::vector<std::string> arguments = {"bench",
                                              "scaling",
                                              "--rounds",
                                              "1",
                                              "--steps",
                                              "1",
                                              "--warmup",
                                              "0",
                                              "--threads",
                                              "1",
                                              "--seq-length",
                                              "16",
                                              "--model.vocab_size",
                                              "64",
                                              "--model.hidden_size",
                                              "32",
                                              "--model.num_attention_heads",
                                              "4",
                                              "--num-layers",
                                              "1",
                                              "--json",
                                              tiny.path("record.json"),
                                              "--svg",
                                              tiny.path("record.svg")};
  const Finished finished = on_ranks(2, arguments);
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  expect_text(finished, {"  CPUs     DP   TP ", "\n     2      1    2       2 ", "gradient all-reduce (exposed)",
                         "tensor axis: ms waited for"});
  const auto json = nlohmann::json::parse(read_text_file(tiny.path("record.json")));
  ASSERT_EQ(json.at("layouts").size(), 3U);
  EXPECT_EQ(json.at("layouts")[2].at("layout"), "1x2");
  EXPECT_NE(read_text_file(tiny.path("record.svg")).find("</svg>"), std::string::npos);

  std::vector<std::string> unknown = arguments;
  unknown.insert(unknown.end(), {"--model.hiden_size", "1"});
  const Finished refused = tiny.run(unknown);
  EXPECT_EQ(refused.exit_code, 2);
  expect_text(refused, {"unknown option 'model.hiden_size'; did you mean 'model.hidden_size'?"});
}

}  // namespace
}  // namespace kumiko
