#include "kumiko/train/scaling_layout.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

std::vector<std::string> names_of(const std::vector<ScalingLayout>& layouts) {
  std::vector<std::string> names;
  for (const ScalingLayout& layout : layouts) names.push_back(layout.name());
  return names;
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(ScalingLayout, ReadsWhatItWrites) {
  const auto layouts = parse_layouts("1x1, 4x2,2x1:zero_stage=3:bind=none");
  EXPECT_EQ(names_of(layouts), (std::vector<std::string>{"1x1", "4x2", "2x1:zero_stage=3:bind=none"}));
  EXPECT_EQ(layouts[1].num_ranks(), 8);
  EXPECT_EQ(layouts[1].size(Axis::data), 4);
  EXPECT_EQ(layouts[1].size(Axis::tensor), 2);
  EXPECT_EQ(layouts[1].size(Axis::pipeline), 1);
}

TEST(ScalingLayout, SetsOptionsOfParallel) {
  ParallelOptions base;
  base.num_threads = 12;
  const ParallelOptions options =
      parse_layouts("4x2:zero_stage=3:rank_order=data-tensor-context-pipeline")[0].apply(base);
  EXPECT_EQ(options.data_parallel_size, 4);
  EXPECT_EQ(options.tensor_model_parallel_size, 2);
  EXPECT_EQ(options.zero_stage, 3);
  EXPECT_EQ(options.rank_order, "data-tensor-context-pipeline");
  EXPECT_EQ(options.num_threads, 12);
}

TEST(ScalingLayout, RefusesWhatIsNone) {
  for (const char* text : {"", "4", "4x", "x2", "0x2", "4x2x1", "4x-2", "4x2,", "ax2", "4x2:"}) {
    EXPECT_NE(error_of([&] { parse_layouts(text); }).find("expected the sizes of the data and the tensor axis, as 4x2"),
              std::string::npos)
        << text;
  }
  EXPECT_EQ(error_of([] { parse_layouts("2x1:zero_stag=1")[0].apply({}); }),
            "layout 2x1:zero_stag=1: unknown option 'parallel.zero_stag'; did you mean 'parallel.zero_stage'?");
  EXPECT_EQ(
      error_of([] { parse_layouts("2x1:emulated_latency=1")[0].apply({}); }),
      "layout 2x1:emulated_latency=1: parallel.emulated_latency cannot differ between layouts; give it for all, as "
      "--parallel.emulated_latency");
}

TEST(DefaultLayouts, ArePowersOfTwoAndAllRanks) {
  ModelOptions model;
  model.num_attention_heads = 12;
  model.vocab_size = 1000;
  model.fill_in_sizes();
  EXPECT_EQ(names_of(default_layouts(1, 1, model)), (std::vector<std::string>{"1x1"}));
  EXPECT_EQ(names_of(default_layouts(6, 6, model)),
            (std::vector<std::string>{"1x1", "2x1", "1x2", "4x1", "2x2", "1x4", "6x1", "3x2"}));
  // Tensor sizes stay within a node, and are those that the model can be cut for: 8 does not divide 12 heads.
  EXPECT_EQ(names_of(default_layouts(8, 2, model)),
            (std::vector<std::string>{"1x1", "2x1", "1x2", "4x1", "2x2", "8x1", "4x2"}));
  EXPECT_EQ(names_of(default_layouts(8, 8, model)),
            (std::vector<std::string>{"1x1", "2x1", "1x2", "4x1", "2x2", "1x4", "8x1", "4x2", "2x4"}));
}

TEST(LeastGlobalBatch, DividesByEveryDataSize) { EXPECT_EQ(least_global_batch(parse_layouts("1x1,2x1,3x2"), 4), 24); }

}  // namespace
}  // namespace kumiko
