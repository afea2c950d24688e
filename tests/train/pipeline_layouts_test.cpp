// Every synchronous schedule gives the losses and gradients of one rank, with the other axes and ZeRO beside it.
#include "train/layout_runs.h"

namespace kumiko::layouts {
namespace {

// Enough units for eight stages.
ModelOptions deep(ModelOptions options) {
  options.num_layers = 6;
  return options;
}

const ModelCase deep_models[] = {
    {"GptTied", deep(tiny_gpt())},
    {"LlamaUntiedDropoutWindow", with(deep(tiny_llama(2)),
                                      [](ModelOptions& options) {
                                        options.untie_embeddings_and_output_weights = true;
                                        options.window_size = 3;
                                        add_dropout(options);
                                      })},
};

const Layout pipelines[] = {
    piped(2, "gpipe", {1, 1, 1}),
    piped(2, "1f1b", {1, 1, 1}),
    piped(4, "1f1b", {1, 1, 2}),
    piped(8, "1f1b", {1, 1, 1}),
    piped(4, "1f1b", {1, 1, 4}),  // fewer micro-batches than ranks
    piped(2, "1f1b", {1, 2, 1}),
    piped(2, "1f1b", {2, 1, 1, RecomputeGranularity::full}),
    piped(2, "1f1b", sharded(2, {1, 2, 2})),
    piped(2, "1f1b", zero(1, {2, 1, 1})),
    piped(2, "1f1b", zero(2, {2, 1, 1})),
    piped(2, "1f1b", zero(3, {2, 1, 1})),
    piped(2, "gpipe", zero(3, {2, 2, 1, RecomputeGranularity::selective})),
    piped(2, "interleaved", {1, 1, 1}),
    piped(2, "interleaved", {1, 1, 1}, 4),
    piped(4, "interleaved", {1, 1, 1}),
    piped(2, "interleaved", zero(3, {2, 1, 1})),
    piped(2, "interleaved", {1, 4, 2, RecomputeGranularity::full}),
    piped(2, "zb-h1", {1, 1, 1}),
    piped(4, "zb-h1", {1, 1, 1}),
    piped(4, "zb-h1", {2, 1, 1, RecomputeGranularity::full}),
    piped(2, "zb-h1", zero(1, sharded(2, {2, 2, 1}))),
    piped(2, "zb-h1", zero(2, {2, 1, 1, RecomputeGranularity::selective})),
    piped(4, "zb-h1", zero(3, {2, 1, 1})),
    piped(4, "zb-h2", {1, 1, 1}),
    piped(4, "zb-h2", zero(3, {2, 1, 1})),
    piped(4, "zb-1p", {1, 2, 1}),
    piped(4, "zb-2p", {2, 1, 1}),
    piped(2, "zb-2p", zero(2, {2, 2, 1})),
    piped(2, "chimera", {1, 1, 1}),
    piped(4, "chimera", {1, 1, 1}),
    piped(4, "chimera", {1, 1, 4}),
    piped(4, "chimera", {1, 1, 1}, 0, 2),
    piped(8, "chimera", {1, 1, 2}, 0, 2),
    piped(4, "chimera", {2, 1, 1, RecomputeGranularity::full}),
    piped(2, "chimera", sharded(2, {2, 2, 1})),
    piped(4, "chimera", zero(1, {2, 1, 1})),
    piped(4, "chimera", zero(2, {2, 1, 1})),
    piped(2, "chimera", zero(3, {2, 2, 1})),
    piped(4, "chimera-doubling", {1, 1, 1}),
    piped(4, "chimera-doubling", zero(3, {2, 1, 1})),
    piped(4, "chimera-halving", {1, 1, 2}),
    piped(2, "zb-v", {1, 1, 1}),
    piped(4, "zb-v", {2, 1, 1, RecomputeGranularity::full}),
    piped(2, "zb-v", zero(3, {2, 2, 1})),
    piped(4, "v-half", {1, 1, 1}),
    piped(4, "v-half", zero(2, sharded(1, {1, 2, 1}))),
    piped(2, "v-half", zero(1, {4, 1, 1})),
    piped(4, "v-min", {2, 1, 1}),
    piped(2, "v-min", zero(3, {2, 1, 1, RecomputeGranularity::selective})),
    piped(2, "chimera-halving", {2, 2, 2}),
};

class Pipelines : public testing::TestWithParam<ModelCase> {};

TEST_P(Pipelines, GiveTheLossesAndGradientsOfOneRank) {
  const ModelOptions& model = GetParam().options;
  const Numbers numbers{DType::f64, 6};
  const Trained expected = run_on_one_rank(model, numbers);
  for (const Layout& layout : pipelines) {
    if (layout.mesh().size() > test::world().size() || test::world().rank() >= layout.mesh().size()) continue;
    SCOPED_TRACE(text_of(layout));
    const Trained trained = run_on_mesh(model, layout, numbers);
    expect_same_steps(trained, expected, 1e-9, 1e-8);
    for_each_gradient(trained, expected, [](const std::string& name, const Difference& difference) {
      EXPECT_LT(difference.relative(), 1e-12) << name;
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Pipelines, testing::ValuesIn(deep_models),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace kumiko::layouts
