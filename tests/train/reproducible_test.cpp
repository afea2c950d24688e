// The reproducible mode: each model in some of the layouts, each layout by some model (all by all in
// reproducible_slow_test.cpp), and what is refused.
#include "kumiko/train/reproducible.h"

#include <array>

#include "kumiko/base/error.h"
#include "kumiko/schedule/generators.h"
#include "train/reproducible_layouts.h"

namespace kumiko {
namespace {

using namespace reproducible;

class Reproducible : public testing::TestWithParam<size_t> {};

TEST_P(Reproducible, LayoutsGiveTheBitsOfOneRank) {
  constexpr size_t stride = 6;
  expect_bits_of_one_rank(cases[GetParam()], stride, GetParam() % stride);
}

INSTANTIATE_TEST_SUITE_P(Models, Reproducible, testing::Range(size_t{0}, std::size(cases)),
                         [](const auto& tested) { return std::string(cases[tested.param].name); });

// What the tests above would see if it were not for the mode.
TEST(NotReproducible, BitsDependOnTheLayout) {
  const Layout layout{1, 8};
  const Trained with_mode = train_in(cases[2], layout, Mesh({1, 1, 1, 8}));
  const Trained without = train_in(cases[2], layout, Mesh({1, 1, 1, 8}), false);
  EXPECT_NE(with_mode.steps.back().loss, without.steps.back().loss);
  EXPECT_NEAR(with_mode.steps.front().loss, without.steps.front().loss, 1e-4);
}

std::string refusal(const Config& config, const std::vector<int64_t>& sizes) {
  try {
    check_reproducible(config, Mesh({sizes[0], 1, 1, sizes[1]}));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(ReproducibleOptions, WhatCannotBeSoIsRefused) {
  Config config;
  config.model = tiny_llama(8);
  config.train.reproducible = true;
  EXPECT_EQ(refusal(config, {4, 8}), "no error");
  EXPECT_EQ(refusal(config, {3, 1}),
            "parallel.data_parallel_size = 3 with train.reproducible = true: expected a power of two, as gradients are "
            "summed in pairs; the nearest are 2 and 4");
  config.model.num_attention_heads = config.model.num_query_groups = 12;
  EXPECT_EQ(refusal(config, {1, 3}),
            "parallel.tensor_model_parallel_size = 3: train.reproducible = true sums in 4 blocks with this model, so "
            "expected a power of two up to that");
  config.train.linear_backend = LinearBackend::onednn;
  EXPECT_TRUE(refusal(config, {1, 1}).starts_with("train.linear_backend = onednn with train.reproducible = true"));
  config.train.precision = Precision::bf16;
  EXPECT_TRUE(refusal(config, {1, 1}).starts_with("train.precision = bf16 with train.reproducible = true: expected "));
}

std::string refusal(const char* name, int num_micro_batches, int pairs = 1) {
  ScheduleRequest request;
  request.num_ranks = 4;
  request.num_micro_batches = num_micro_batches;
  request.pipeline_pairs = pairs;
  try {
    check_reproducible(find_schedule(name).make(request));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(ReproducibleOptions, SchedulesThatSumInAnotherOrderAreRefused) {
  for (const ScheduleGenerator& generator : schedule_generators()) {
    if (!generator.synchronous || generator.name == "chimera-halving" || generator.make == make_searched) continue;
    EXPECT_EQ(refusal(generator.name.data(), 8), "no error") << generator.name;
  }
  const std::string begin = "parallel.pipeline_schedule = chimera with train.reproducible = true: expected ";
  EXPECT_EQ(refusal("chimera", 6), begin + "a number of micro-batches a step that is a power of two, not 6");
  EXPECT_EQ(refusal("chimera", 8, 2), begin + "parallel.pipeline_pairs = 1, as more copies are not summed in pairs");
  EXPECT_EQ(refusal("pipedream", 8),
            "parallel.pipeline_schedule = pipedream with train.reproducible = true: expected a synchronous one: old "
            "weights give other bits");
  EXPECT_EQ(refusal("chimera-halving", 8),
            "parallel.pipeline_schedule = chimera-halving with train.reproducible = true: expected one that does not "
            "cut micro-batches");
}

// A model is cut into as many blocks as the tensor axis may have ranks.
TEST(ReproducibleOptions, BlocksAreWhatTheTensorAxisAllows) {
  for (const auto& [heads, kv_heads, blocks] :
       {std::array{8, 8, 8}, {32, 8, 8}, {12, 12, 4}, {25, 25, 1}, {8, 1, 8}, {24, 6, 2}, {24, 3, 1}, {64, 4, 8}}) {
    ModelOptions model = tiny_llama(kv_heads);
    model.num_attention_heads = heads;
    ASSERT_EQ(canonical_blocks(model), blocks) << heads << " heads, " << kv_heads << " of keys";
    for (int64_t size = 1; size <= blocks; size *= 2) check_tensor_parallel(model, size);
    if (blocks == most_canonical_blocks) continue;
    EXPECT_THROW(check_tensor_parallel(model, most_canonical_blocks), Error);
  }
}

}  // namespace
}  // namespace kumiko
