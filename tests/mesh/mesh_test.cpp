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
  EXPECT_EQ(message("tensor-context-pipeline-all"),
            "parallel.rank_order = \"tensor-context-pipeline-all\": \"all\" is no axis" + expected);
  EXPECT_EQ(message("tp-dp"), "parallel.rank_order = \"tp-dp\": \"tp\" is no axis" + expected);
}

TEST(Mesh, GivesTheDataAxisWhatIsLeft) {
  EXPECT_EQ(Mesh::for_ranks(24, {0, 3, 1, 4}).to_string(), "2 data x 3 pipeline x 1 context x 4 tensor");
  EXPECT_EQ(Mesh::for_ranks(24, {2, 3, 1, 4}).size(), 24);
}

std::string misfit(int64_t num_ranks, const MeshSizes& sizes) {
  return message_of([&] { Mesh::for_ranks(num_ranks, sizes); });
}

TEST(Mesh, NamesTheNearestSizesThatFit) {
  EXPECT_EQ(misfit(10, {0, 1, 1, 4}),
            "parallel.tensor_model_parallel_size = 4 does not divide 10 ranks: take 8 or 12 ranks, or 2 or 5 for "
            "parallel.tensor_model_parallel_size");
  EXPECT_EQ(misfit(6, {0, 2, 1, 4}),
            "parallel.tensor_model_parallel_size = 4 x parallel.pipeline_model_parallel_size = 2 = 8 does not divide 6 "
            "ranks: take 8 ranks, or 3 for parallel.tensor_model_parallel_size");
  EXPECT_EQ(misfit(1, {0, 1, 3, 1}),
            "--context-parallel-size = 3 does not divide 1 rank: take 3 ranks, or 1 for "
            "--context-parallel-size");
}

TEST(Mesh, KeepsToTheDataSizeThatIsGiven) {
  EXPECT_EQ(misfit(8, {3, 1, 1, 2}),
            "parallel.tensor_model_parallel_size = 2 x parallel.data_parallel_size = 3 = 6 does not make up 8 ranks: "
            "take 6 ranks, or 4 for parallel.data_parallel_size");
  EXPECT_EQ(misfit(10, {3, 1, 1, 4}),
            "parallel.tensor_model_parallel_size = 4 x parallel.data_parallel_size = 3 = 12 does not make up 10 ranks: "
            "take 12 ranks");
  EXPECT_EQ(misfit(12, {3, 1, 1, 2}),
            "parallel.tensor_model_parallel_size = 2 x parallel.data_parallel_size = 3 = 6 does not make up 12 ranks: "
            "take 6 ranks, or 4 for parallel.tensor_model_parallel_size, or 6 for parallel.data_parallel_size");
  EXPECT_EQ(misfit(8, {1, 1, 1, 1}),
            "parallel.data_parallel_size = 1 does not make up 8 ranks: take 1 rank, or 8 for "
            "parallel.data_parallel_size");
}

TEST(Mesh, RefusesSizesThatCannotBeCounted) {
  constexpr int64_t wraps = int64_t{1} << 32;  // two of them make 0
  EXPECT_EQ(misfit(8, {0, wraps, 1, wraps}),
            "parallel.tensor_model_parallel_size = 4294967296: expected 1 to 16777216");
  EXPECT_EQ(misfit(8, {0, 1 << 13, 1, 1 << 13}),
            "parallel.pipeline_model_parallel_size = 8192 makes the mesh larger than the 16777216 ranks that it can "
            "have");
  EXPECT_EQ(misfit(8, {0, 1, 1, 0}), "parallel.tensor_model_parallel_size = 0: expected 1 to 16777216");
  EXPECT_EQ(misfit(8, {-3, 1, 1, 1}),
            "parallel.data_parallel_size = -3: expected 0, for what the ranks give, to 16777216");
  EXPECT_EQ(misfit(0, {0, 1, 1, 1}), "0 ranks: expected 1 to 16777216");
  EXPECT_EQ(misfit(wraps, {0, 1, 1, 1}), "4294967296 ranks: expected 1 to 16777216");
  EXPECT_EQ(message_of([] {
              Mesh({wraps, 1, 1, wraps});
            }),
            "the tensor axis of size 4294967296 makes the mesh larger than the 16777216 ranks that it can have");
  EXPECT_EQ(Mesh::for_ranks(most_ranks, {0, 1 << 12, 1, 1 << 12}).size(Axis::data), 1);
}

}  // namespace
}  // namespace kumiko
