#include "kumiko/checkpoint/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "checkpoint/directories.h"
#include "kumiko/checkpoint/cover.h"

namespace kumiko {
namespace {

TEST(CoverDefect, FindsEachKind) {
  const std::vector<Box> halves = {{{0, 0}, {2, 6}}, {{2, 0}, {2, 6}}};
  EXPECT_EQ(cover_defect({4, 6}, halves), std::nullopt);
  const std::vector<Box> grid = {{{0, 0}, {2, 4}}, {{0, 4}, {2, 2}}, {{2, 0}, {2, 1}}, {{2, 1}, {2, 5}}};
  EXPECT_EQ(cover_defect({4, 6}, grid), std::nullopt);
  EXPECT_EQ(cover_defect({4, 6}, std::span(grid).first(3)), "10 of 24 elements are missing");
  const std::vector<Box> overlapping = {{{0, 0}, {3, 6}}, {{2, 0}, {2, 6}}};
  EXPECT_EQ(cover_defect({4, 6}, overlapping), "[0:3, 0:6] and [2:4, 0:6] overlap");
  // The sum of the sizes is right, so only the overlap shows it.
  const std::vector<Box> deceptive = {{{0, 0}, {4, 3}}, {{0, 2}, {4, 3}}};
  EXPECT_EQ(cover_defect({4, 6}, deceptive), "[0:4, 0:3] and [0:4, 2:5] overlap");
  const std::vector<Box> outside = {{{0, 3}, {4, 4}}};
  EXPECT_EQ(cover_defect({4, 6}, outside), "[0:4, 3:7] lies outside the shape [4, 6]");
  const std::vector<Box> scalar = {{{}, {}}, {{}, {}}};
  EXPECT_EQ(cover_defect({}, scalar), "several boxes hold the one element");
  EXPECT_EQ(cover_defect({}, std::span(scalar).first(1)), std::nullopt);
  const std::vector<Box> empty = {{{0, 0}, {0, 4}}};
  EXPECT_EQ(cover_defect({0, 4}, empty), std::nullopt);
}

TEST(SplitBox, GivesContiguousPartsUnderTheLimit) {
  EXPECT_EQ(split_box({{2, 3}, {4, 5}}, 20), (std::vector<Box>{{{2, 3}, {4, 5}}}));
  EXPECT_EQ(split_box({{2, 3}, {4, 5}}, 10), (std::vector<Box>{{{2, 3}, {2, 5}}, {{4, 3}, {2, 5}}}));
  // A row is larger than the limit: it is cut along the next dim.
  EXPECT_EQ(split_box({{0, 0}, {2, 5}}, 3),
            (std::vector<Box>{{{0, 0}, {1, 2}}, {{0, 2}, {1, 3}}, {{1, 0}, {1, 2}}, {{1, 2}, {1, 3}}}));
  EXPECT_EQ(split_box({{}, {}}, 1), (std::vector<Box>{{{}, {}}}));
  EXPECT_EQ(split_box({{0}, {0}}, 1), (std::vector<Box>{{{0}, {0}}}));
}

PieceInfo piece(const std::string& name, const Shape& shape, const Box& box) {
  return {name, shape, DType::f32, TensorRole::parameter, box};
}

// Every element exactly once, by a rank that holds it.
void expect_written_once(const Holdings& holdings, const WritePlan& plan) {
  std::map<std::string, std::pair<Shape, std::vector<Box>>> written;
  for (size_t rank = 0; rank < plan.writes.size(); ++rank) {
    size_t bytes = 0;
    for (const PlannedWrite& write : plan.writes[rank]) {
      const PieceInfo& info = holdings.lists[holdings.list_of_rank[rank]].at(write.piece);
      EXPECT_TRUE(contains(info.box, write.box));
      written[info.name].first = info.global_shape;
      written[info.name].second.push_back(write.box);
      bytes += static_cast<size_t>(write.box.num_elements()) * size_of(info.dtype);
    }
    EXPECT_EQ(bytes, plan.bytes[rank]);
  }
  for (const auto& list : holdings.lists) {
    for (const PieceInfo& info : list) ASSERT_TRUE(written.contains(info.name)) << info.name;
  }
  for (const auto& [name, tensor] : written) EXPECT_EQ(cover_defect(tensor.first, tensor.second), std::nullopt) << name;
}

// The layers of a GPT of hidden size H, cut by `tensor` ranks along the way Megatron cuts them.
std::vector<PieceInfo> gpt_pieces(int64_t layers, int64_t hidden, int64_t tensor_rank, int64_t tensor_size) {
  const auto cut = [&](const std::string& name, const Shape& shape, int dim) {
    Box box = Box::whole(shape);
    if (dim >= 0) {
      box.offset[dim] = shape[dim] * tensor_rank / tensor_size;
      box.size[dim] = shape[dim] * (tensor_rank + 1) / tensor_size - box.offset[dim];
    }
    return piece(name, shape, box);
  };
  std::vector<PieceInfo> pieces = {cut("wte", {50257, hidden}, 0)};
  for (int64_t layer = 0; layer < layers; ++layer) {
    const std::string prefix = "h." + std::to_string(layer) + ".";
    pieces.push_back(cut(prefix + "ln", {hidden}, -1));
    pieces.push_back(cut(prefix + "qkv", {hidden, 3 * hidden}, 1));
    pieces.push_back(cut(prefix + "proj", {hidden, hidden}, 0));
    pieces.push_back(cut(prefix + "up", {hidden, 4 * hidden}, 1));
    pieces.push_back(cut(prefix + "down", {4 * hidden, hidden}, 0));
  }
  return pieces;
}

// No rank writes more than the mean and one chunk: what the largest-first rule promises when all may write all.
TEST(PlanWrites, SharesReplicatedTensorsEquallyOverThousandsOfRanks) {
  for (const size_t num_ranks : {1, 2, 3, 64, 4096}) {
    Holdings holdings{{gpt_pieces(12, 768, 0, 1)}, std::vector<size_t>(num_ranks, 0)};
    const WritePlan plan = plan_writes(holdings, {});
    expect_written_once(holdings, plan);
    const size_t total = std::accumulate(plan.bytes.begin(), plan.bytes.end(), size_t{0});
    const size_t mean = total / num_ranks;
    const size_t chunk = num_ranks == 1 ? 0 : std::max<size_t>(mean / 4, size_t{1} << 20);
    EXPECT_LE(*std::max_element(plan.bytes.begin(), plan.bytes.end()), mean + chunk + 1) << num_ranks;
  }
}

TEST(PlanWrites, SharesEachTensorParallelShardOverItsReplicas) {
  constexpr size_t tensor_size = 8;
  constexpr size_t data_size = 512;
  Holdings holdings;
  for (size_t t = 0; t < tensor_size; ++t) {
    holdings.lists.push_back(gpt_pieces(24, 1024, static_cast<int64_t>(t), tensor_size));
  }
  for (size_t rank = 0; rank < tensor_size * data_size; ++rank) holdings.list_of_rank.push_back(rank % tensor_size);
  const WritePlan plan = plan_writes(holdings, {});
  expect_written_once(holdings, plan);
  const size_t total = std::accumulate(plan.bytes.begin(), plan.bytes.end(), size_t{0});
  const size_t mean = total / plan.bytes.size();
  EXPECT_LE(*std::max_element(plan.bytes.begin(), plan.bytes.end()), mean + (size_t{1} << 20) + mean / tensor_size);
}

// ZeRO: each rank alone holds its rows of the optimizer's state, all hold the parameters; the shared work goes to the
// ranks that have less of their own.
TEST(PlanWrites, EvensOutUnequalShards) {
  constexpr int64_t num_ranks = 1024;
  const Shape shape{3 * num_ranks / 2, 4096};
  Holdings holdings;
  for (int64_t rank = 0; rank < num_ranks; ++rank) {
    const int64_t begin = shape[0] * rank / num_ranks;
    const int64_t rows = shape[0] * (rank + 1) / num_ranks - begin;
    holdings.lists.push_back({piece("moment", shape, {{begin, 0}, {rows, 4096}})});
    holdings.lists.back().push_back(piece("weight", shape, Box::whole(shape)));
    holdings.list_of_rank.push_back(static_cast<size_t>(rank));
  }
  PlanOptions options;
  options.min_chunk_bytes = 16 << 10;
  const WritePlan plan = plan_writes(holdings, options);
  expect_written_once(holdings, plan);
  const auto [least, most] = std::minmax_element(plan.bytes.begin(), plan.bytes.end());
  EXPECT_LE(*most - *least, size_t{16} << 10);
}

TEST(PlanWrites, IsTheSameEveryTime) {
  const Holdings holdings{{gpt_pieces(4, 256, 0, 1)}, {0, 0, 0}};
  const WritePlan first = plan_writes(holdings, {});
  const WritePlan second = plan_writes(holdings, {});
  for (size_t rank = 0; rank < 3; ++rank) {
    ASSERT_EQ(first.writes[rank].size(), second.writes[rank].size());
    for (size_t i = 0; i < first.writes[rank].size(); ++i) {
      EXPECT_EQ(first.writes[rank][i].piece, second.writes[rank][i].piece);
      EXPECT_EQ(first.writes[rank][i].box, second.writes[rank][i].box);
    }
  }
}

TEST(PlanWrites, RefusesHoldingsThatDoNotMakeUpTheTensor) {
  const Shape shape{4, 2};
  const auto plan = [&](std::vector<std::vector<PieceInfo>> lists) {
    Holdings holdings{std::move(lists), {}};
    for (size_t i = 0; i < holdings.lists.size(); ++i) holdings.list_of_rank.push_back(i);
    return message_of([&] { plan_writes(holdings, {}); });
  };
  EXPECT_EQ(plan({{piece("w", shape, {{0, 0}, {2, 2}})}, {piece("w", shape, {{3, 0}, {1, 2}})}}),
            "the ranks' boxes of tensor 'w' do not make it up: 2 of 8 elements are missing");
  EXPECT_EQ(plan({{piece("w", shape, {{0, 0}, {3, 2}})}, {piece("w", shape, {{2, 0}, {2, 2}})}}),
            "the ranks' boxes of tensor 'w' do not make it up: [0:3, 0:2] and [2:4, 0:2] overlap");
  EXPECT_EQ(plan({{piece("w", shape, Box::whole(shape))}, {piece("w", {4, 3}, Box::whole({4, 3}))}}),
            "ranks disagree about tensor 'w': parameter f32 [4, 3] and parameter f32 [4, 2]");
  EXPECT_EQ(plan({{piece("w", shape, Box::whole(shape)), piece("w", shape, Box::whole(shape))}}),
            "one rank handed in [0:4, 0:2] of tensor 'w' twice");
}

}  // namespace
}  // namespace kumiko
