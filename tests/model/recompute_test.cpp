#include "kumiko/model/recompute.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "model/tiny_model.h"

namespace kumiko {
namespace {

using Granularity = RecomputeGranularity;
using Method = RecomputeMethod;

const std::vector<RecomputeOptions> settings = {
    {Granularity::selective, Method::uniform, 1}, {Granularity::full, Method::uniform, 1},
    {Granularity::full, Method::uniform, 2},      {Granularity::full, Method::uniform, 5},
    {Granularity::full, Method::block, 1},        {Granularity::full, Method::block, 3},
};

ModelOptions five_layers(ModelOptions options = tiny_options()) {
  options.num_layers = 5;
  options.hidden_dropout = 0.1;
  options.attention_dropout = 0.2;
  return options;
}

// The loss and all gradients of two accumulated micro-batches, as bytes.
std::vector<char> bits_of_a_step(TinyModel& tiny, WeightWork::When when) {
  fill_zero(tiny.model.parameters().gradients());
  std::vector<double> losses;
  for (int64_t b = 0; b < 2; ++b) {
    WeightWork work(when);
    Pass pass = tiny.pass(&work, true);
    pass.tokens = pass.tokens.rows(b, b + 1);
    pass.targets = pass.targets.rows(b, b + 1);
    pass.batch = 1;
    pass.first_sample += b;
    tiny.model.forward(pass);
    tiny.model.backward(pass);
    work.run();
    losses.push_back(pass.loss_sum);
  }
  EXPECT_TRUE(tiny.stash.empty());
  const Tensor& gradients = tiny.model.parameters().gradients();
  std::vector<char> bits(gradients.num_bytes() + losses.size() * sizeof(double));
  std::memcpy(bits.data(), gradients.raw(), gradients.num_bytes());
  std::memcpy(bits.data() + gradients.num_bytes(), losses.data(), losses.size() * sizeof(double));
  return bits;
}

void check_bits(TinyModel tiny) {
  // Waiting weight work sums the gradients of norms apart: other bits, but for every setting the same.
  for (const auto when : {WeightWork::When::at_once, WeightWork::When::later}) {
    tiny.recompute = {};
    const std::vector<char> expected = bits_of_a_step(tiny, when);
    for (const RecomputeOptions& recompute : settings) {
      tiny.recompute = recompute;
      EXPECT_TRUE(bits_of_a_step(tiny, when) == expected)
          << static_cast<int>(recompute.granularity) << ' ' << static_cast<int>(recompute.method) << ' '
          << recompute.num_layers;
    }
  }
}

TEST(Recompute, GivesTheSameBitsInDouble) { check_bits({five_layers(), make_reference_kernels(), DType::f64}); }

TEST(Recompute, GivesTheSameBitsWithFastKernels) {
  check_bits({five_layers(), make_cpu_kernels(MemoryPool::create(), 2), DType::f32});
}

TEST(Recompute, GivesTheSameBitsForLlama) {
  check_bits({five_layers(tiny_llama_options()), make_cpu_kernels(MemoryPool::create(), 2), DType::f32});
}

class VisitRecorder final : public VisitObserver {
 public:
  void before(const UnitVisit& visit) override { begun_.push_back(visit); }
  void after(const UnitVisit& visit) override {
    ASSERT_EQ(visit, begun_.back());
    visits.push_back(visit);
  }
  std::vector<UnitVisit> visits;

 private:
  std::vector<UnitVisit> begun_;
};

TEST(Recompute, VisitsTheUnitsAsThePlanSays) {
  TinyModel tiny(five_layers(), make_reference_kernels(), DType::f64);
  for (const RecomputeOptions& recompute : settings) {
    tiny.recompute = recompute;
    WeightWork work(WeightWork::When::at_once);
    VisitRecorder recorder;
    Pass pass = tiny.pass(&work, true);
    pass.observer = &recorder;
    tiny.model.forward(pass);
    EXPECT_EQ(recorder.visits, tiny.model.forward_visits());
    tiny.model.backward(pass);
    EXPECT_EQ(recorder.visits, tiny.model.training_visits(recompute));
    std::vector<int> done;
    for (const UnitVisit& visit : recorder.visits) {
      if (visit.direction == Direction::backward) done.push_back(visit.unit);
    }
    EXPECT_EQ(done, (std::vector<int>{6, 5, 4, 3, 2, 1, 0}));
  }
}

TEST(Recompute, ShowsInTheBreakdown) {
  TinyModel tiny(five_layers(), make_reference_kernels(), DType::f64);
  const auto calls = [&](const RecomputeOptions& recompute, RegionRow row) {
    tiny.recompute = recompute;
    RegionTimer timer;
    WeightWork work(WeightWork::When::at_once);
    Pass pass = tiny.pass(&work, true);
    pass.timer = &timer;
    {
      const PhaseSpan phase(timer, Phase::forward);
      tiny.model.forward(pass);
    }
    const PhaseSpan phase(timer, Phase::backward);
    tiny.model.backward(pass);
    return timer.take().at(row).calls;
  };
  // Two norms a block are always computed again.
  EXPECT_EQ(calls({}, RegionRow::recompute), 10);
  // And attention: its phase, and its region within.
  EXPECT_EQ(calls({Granularity::selective, Method::uniform, 1}, RegionRow::recompute), 20);
  EXPECT_GT(calls({Granularity::full, Method::uniform, 1}, RegionRow::recompute), 20);
  // The forward's rows count the forward alone.
  EXPECT_EQ(calls({Granularity::full, Method::uniform, 1}, RegionRow::forward_mlp), 5);
}

TEST(BlockSpans, CoverTheBlocks) {
  using Spans = std::vector<BlockSpan>;
  EXPECT_EQ(block_spans({}, 3), (Spans{{0, 3, false}}));
  EXPECT_EQ(block_spans({Granularity::selective, Method::uniform, 1}, 3), (Spans{{0, 3, false}}));
  EXPECT_EQ(block_spans({Granularity::full, Method::uniform, 2}, 5), (Spans{{0, 2, true}, {2, 4, true}, {4, 5, true}}));
  EXPECT_EQ(block_spans({Granularity::full, Method::block, 2}, 5), (Spans{{0, 1, true}, {1, 2, true}, {2, 5, false}}));
  EXPECT_EQ(block_spans({Granularity::full, Method::block, 5}, 5).size(), 5U);
}

TEST(RecomputeOptions, NamesWhatDoesNotFit) {
  const auto message_of = [](int64_t num_layers) -> std::string {
    try {
      RecomputeOptions{Granularity::full, Method::block, num_layers}.validate(4);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message_of(0), "train.recompute_num_layers = 0: expected 1 to model.num_layers = 4");
  EXPECT_EQ(message_of(5), "train.recompute_num_layers = 5: expected 1 to model.num_layers = 4");
  EXPECT_EQ(message_of(4), "no error");
}

}  // namespace
}  // namespace kumiko
