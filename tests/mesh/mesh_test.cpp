#include "kumiko/mesh/mesh.h"

#include <gtest/gtest.h>

#include <functional>

#include "kumiko/base/error.h"

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

TEST(Mesh, PutsTheTensorAxisInnermost) {
  const Mesh mesh({2, 3, 1, 4});
  EXPECT_EQ(mesh.size(), 24);
  EXPECT_EQ(mesh.group(5, Axis::tensor), (std::vector<int64_t>{4, 5, 6, 7}));
  EXPECT_EQ(mesh.group(5, Axis::pipeline), (std::vector<int64_t>{1, 5, 9}));
  EXPECT_EQ(mesh.group(5, Axis::data), (std::vector<int64_t>{5, 17}));
  EXPECT_EQ(mesh.coordinate(17, Axis::data), 1);
  EXPECT_EQ(mesh.to_string(), "2 data x 3 pipeline x 1 context x 4 tensor");
}

TEST(Mesh, TakesAnyOrderOfRanks) {
  const RankOrder order = parse_rank_order("data-tensor-pipeline-context");
  EXPECT_EQ(to_string(order), "data-tensor-pipeline-context");
  const Mesh mesh({2, 3, 1, 4}, order);
  EXPECT_EQ(mesh.group(5, Axis::data), (std::vector<int64_t>{4, 5}));
  EXPECT_EQ(mesh.group(5, Axis::tensor), (std::vector<int64_t>{1, 3, 5, 7}));
  EXPECT_EQ(mesh.group(5, Axis::pipeline), (std::vector<int64_t>{5, 13, 21}));
}

TEST(Mesh, RefusesEmptyAxes) {
  EXPECT_EQ(message_of([] { Mesh({2, 0, 1, 1}); }), "the pipeline axis of the mesh has size 0: expected 1 or more");
}

TEST(RankOrder, SaysWhatIsWrong) {
  const std::string expected =
      "; expected the axes tensor, context, pipeline and data, each once, joined by hyphens, the one whose ranks are "
      "neighbours first: tensor-context-pipeline-data is the default";
  const auto message = [](const char* text) { return message_of([&] { parse_rank_order(text); }); };
  EXPECT_EQ(message("tensor-data"), "parallel.rank_order = \"tensor-data\": 2 of 4 axes are missing" + expected);
  EXPECT_EQ(message("tensor-tensor"), "parallel.rank_order = \"tensor-tensor\": tensor is there twice" + expected);
  EXPECT_EQ(message("tp-dp"), "parallel.rank_order = \"tp-dp\": \"tp\" is no axis" + expected);
}

TEST(Mesh, GivesTheDataAxisWhatIsLeft) {
  EXPECT_EQ(Mesh::for_ranks(24, {0, 3, 1, 4}).to_string(), "2 data x 3 pipeline x 1 context x 4 tensor");
  EXPECT_EQ(Mesh::for_ranks(24, {2, 3, 1, 4}).size(), 24);
}

TEST(Mesh, NamesTheNearestSizesThatFit) {
  EXPECT_EQ(message_of([] {
              Mesh::for_ranks(10, {0, 1, 1, 4});
            }),
            "10 ranks started, which parallel.tensor_model_parallel_size = 4 x context_parallel_size = 1 x "
            "pipeline_model_parallel_size = 1 = 4 does not divide: start 8 or 12 ranks, or take 2 or 5 for "
            "parallel.tensor_model_parallel_size");
  EXPECT_EQ(message_of([] {
              Mesh::for_ranks(6, {0, 2, 1, 4});
            }),
            "6 ranks started, which parallel.tensor_model_parallel_size = 4 x context_parallel_size = 1 x "
            "pipeline_model_parallel_size = 2 = 8 does not divide: start 8 ranks, or take 3 for "
            "parallel.tensor_model_parallel_size");
  EXPECT_EQ(
      message_of([] {
        Mesh::for_ranks(8, {3, 1, 1, 2});
      }),
      "parallel.data_parallel_size = 3, but 8 ranks started and each replica of the model takes 2, which leaves 4; "
      "leave it at 0, or start 6 ranks");
}

}  // namespace
}  // namespace kumiko
