// Any layout gives the losses and gradients of one rank: a table of
// layouts on up to eight ranks. Everything is in double, so that what differs is the order of sums and nothing else;
// a few of them with the fast kernels in the types that people train in.
#include "support/linear_backends.h"
#include "train/layout_runs.h"

namespace kumiko::layouts {
namespace {

const Layout layouts[] = {
    {2, 1, 2},
    {4, 1, 1},
    {8, 1, 1},
    {1, 2, 8},
    {1, 2, 1, RecomputeGranularity::full},
    {1, 4, 4},
    {1, 8, 8},
    {2, 2, 2, RecomputeGranularity::selective},
    {4, 2, 1},
    {2, 4, 4},
    {2, 2, 1, RecomputeGranularity::none, "data-tensor-context-pipeline"},
    zero(1, {2, 1, 1}),
    zero(2, {2, 1, 4}),
    zero(3, {2, 1, 1}),
    zero(1, {4, 2, 1}),
    zero(2, {4, 1, 1, RecomputeGranularity::full}, 2),
    zero(3, {8, 1, 1}),
    zero(3, {8, 1, 1}, 4),
    zero(2, {2, 4, 2}),
    zero(3, {4, 2, 1, RecomputeGranularity::full}, 2),
    zero(3, {2, 2, 1, RecomputeGranularity::selective, "data-tensor-context-pipeline"}),
    in_chunks(4, {1, 2, 8}),
    in_chunks(2, {2, 2, 4}),
    sharded(1, {1, 2, 8}),
    sharded(4, {1, 2, 8}),
    sharded(1, {1, 2, 1, RecomputeGranularity::full}),
    sharded(3, {1, 4, 4, RecomputeGranularity::selective}),
    sharded(6, {1, 8, 8}),
    sharded(1, {2, 2, 2, RecomputeGranularity::full}),
    sharded(2, {2, 4, 4}),
    sharded(1, {4, 2, 1}),
    zero(1, sharded(2, {2, 2, 4})),
    zero(2, sharded(1, {4, 2, 1})),
    zero(3, sharded(1, {2, 4, 2, RecomputeGranularity::full})),
};

class Layouts : public testing::TestWithParam<ModelCase> {};

TEST_P(Layouts, GiveTheLossesAndGradientsOfOneRank) {
  const ModelOptions& model = GetParam().options;
  const Trained expected = run_on_one_rank(model, {});
  ASSERT_LT(expected.steps.back().loss, expected.steps.front().loss);
  for (const Layout& layout : layouts) {
    const Mesh mesh = layout.mesh();
    if (mesh.size() > test::world().size() || test::world().rank() >= mesh.size()) continue;
    SCOPED_TRACE(text_of(layout));
    const Trained trained = run_on_mesh(model, layout, {DType::f64, num_steps});
    // Sums of some hundred terms, in double, through twenty steps of Adam, which divides by small numbers.
    expect_same_steps(trained, expected, 1e-9, 1e-8);
    for_each_gradient(trained, expected, [](const std::string& name, const Difference& difference) {
      EXPECT_LT(difference.relative(), 1e-12) << name;
    });
  }
}

using ModelAndNumbers = std::tuple<ModelCase, DType, LinearBackend>;
class LayoutsInTypesOfTraining : public testing::TestWithParam<ModelAndNumbers> {};

// With the fast kernels. A product rounds sums of at most 128 terms in f32, and its result to the activations' type;
// parts that are summed over ranks are rounded before that. A loss has some ten products behind it, one after another,
// a gradient as many again; each adds what it rounds, in both of the runs that are compared.
TEST_P(LayoutsInTypesOfTraining, GiveThoseOfOneRank) {
  constexpr double terms = 128;
  constexpr double products = 10;
  const auto& [model, type, backend] = GetParam();
  if (const std::string reason = test::why_without(backend, type); !reason.empty()) GTEST_SKIP() << reason;
  const double stored = type == DType::bf16 ? std::ldexp(1.0, -9) : 0;
  const double loss = 2 * products * (terms * std::ldexp(1.0, -24) + stored);
  const Numbers numbers{type, few_steps, backend};
  const Trained expected = run_on_one_rank(model.options, numbers);
  const auto expect_close = [&](const Trained& trained, const Trained& other, double allowed) {
    expect_same_steps(trained, other, allowed, 2 * allowed);
    // As a whole: of a small bias terms of both signs leave little more than their rounding.
    Difference all;
    for_each_gradient(trained, other, [&](const std::string&, const Difference& difference) {
      all.error += difference.error;
      all.norm += difference.norm;
    });
    EXPECT_LT(all.relative(), 2 * allowed);
  };
  // Those of our own products, which are held to PyTorch. A library may round the weights to the activations' type,
  // too.
  expect_close(expected, run_on_one_rank(model.options, {type, few_steps}), loss + 2 * products * stored);
  for (const Layout& layout : {in_chunks(1, {2, 2, 2}), sharded(3, {1, 2, 4}), sharded(3, {2, 4, 4})}) {
    const Mesh mesh = layout.mesh();
    if (mesh.size() > test::world().size() || test::world().rank() >= mesh.size()) continue;
    SCOPED_TRACE(text_of(layout));
    expect_close(run_on_mesh(model.options, layout, numbers), expected, loss);
  }
}

// How many chunks there are changes no bit of a row. Under sequence parallelism it changes which rows a rank has, and
// so the order in which a norm's gradient is summed; of the first step nothing else.
TEST_P(Layouts, GiveTheSameBitsInAnyNumberOfChunks) {
  const Mesh mesh({1, 1, 1, 4});
  if (mesh.size() > test::world().size() || test::world().rank() >= mesh.size()) return;
  for (const bool shards : {false, true}) {
    for (const DType type : {DType::f32, DType::bf16}) {
      SCOPED_TRACE(fmt::format("{}, {}", shards ? "sequence parallel" : "all tokens on each rank", name_of(type)));
      const auto run_in = [&](int64_t num_chunks) {
        const Layout layout = shards ? sharded(num_chunks, {1, 4, 4}) : in_chunks(num_chunks, {1, 4, 4});
        return run_on_mesh(GetParam().options, layout, {type, shards ? 1 : 2});
      };
      const Trained one = run_in(1);
      for (const int64_t num_chunks : {2, 3}) {
        const Trained several = run_in(num_chunks);
        for (size_t i = 0; i < one.steps.size(); ++i) EXPECT_EQ(several.steps[i].loss, one.steps[i].loss);
        for (size_t i = 0; i < one.gradients.size(); ++i) {
          const std::string& name = one.gradients[i].part.name;
          if (shards && name.find("norm") != std::string::npos) continue;
          EXPECT_EQ(several.gradients[i].values, one.gradients[i].values) << name << " in " << num_chunks;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Layouts, testing::ValuesIn(models),
                         [](const auto& tested) { return std::string(tested.param.name); });
INSTANTIATE_TEST_SUITE_P(Models, LayoutsInTypesOfTraining,
                         testing::Combine(testing::ValuesIn(models), testing::Values(DType::f32, DType::bf16),
                                          test::every_linear_backend()),
                         [](const auto& tested) {
                           return fmt::format("{}_{}_{}", std::get<0>(tested.param).name,
                                              name_of(std::get<1>(tested.param)), name_of(std::get<2>(tested.param)));
                         });

}  // namespace
}  // namespace kumiko::layouts
