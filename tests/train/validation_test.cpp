// Steps that are validated later against steps with a barrier: the same bits, whatever has to be undone.
#include <bit>
#include <functional>

#include "train/validated_runs.h"

namespace kumiko::layouts {
namespace {

ModelOptions deep(ModelOptions options) {
  options.num_layers = 6;
  return options;
}

ModelOptions deep_gpt() { return deep(with(tiny_gpt(), add_dropout)); }

// Every synchronous schedule, on two ranks or four, with the other axes and ZeRO beside it.
const std::vector<Layout> pipelines = {
    piped(2, "gpipe", {1, 1, 2}),
    piped(4, "1f1b", {1, 1, 1}),
    piped(4, "1f1b", {1, 1, 4}),  // fewer micro-batches than ranks
    piped(2, "interleaved", {2, 1, 1}),
    piped(4, "interleaved", {1, 1, 2}),
    piped(2, "zb-h1", {1, 1, 2}),
    piped(4, "zb-h1", {1, 1, 2, RecomputeGranularity::full}),
    piped(4, "zb-h2", {1, 1, 1}),
    piped(2, "zb-1p", {1, 2, 1}),
    piped(2, "zb-2p", sharded(2, {1, 2, 2})),
    piped(2, "zb-v", {2, 1, 1}),
    piped(4, "v-half", {1, 1, 1}),
    piped(4, "v-min", {1, 1, 1}),
    piped(4, "searched", {1, 1, 2}),
    piped(4, "chimera", {1, 1, 1}, 0, 2),
    piped(4, "chimera-doubling", {1, 1, 1}),
    piped(4, "chimera-halving", {1, 1, 2}),
    piped(2, "1f1b", zero(1, {2, 1, 1})),
    piped(2, "zb-h1", zero(2, {2, 1, 1})),
    piped(2, "zb-h2", zero(3, {2, 1, 1})),
    piped(2, "interleaved", zero(3, {2, 2, 1})),
    piped(2, "chimera", zero(2, {2, 1, 1})),
};
// Of kinds that are undone in different ways.
const std::vector<Layout> few_pipelines = {
    piped(4, "zb-h2", {2, 1, 1}),
    piped(2, "zb-v", {1, 1, 1}),
    piped(2, "chimera", zero(1, {2, 1, 1})),
    piped(2, "1f1b", zero(3, {2, 1, 1})),
};

constexpr int64_t few = 11;
constexpr int64_t pause = 5;  // after so many steps, as before a save

bool is_in(const Layout& layout) {
  return layout.mesh().size() <= test::world().size() && test::world().rank() < layout.mesh().size();
}

void expect_same(const StepResult& result, const StepResult& expected) {
  EXPECT_EQ(result.step, expected.step);
  EXPECT_EQ(std::bit_cast<int64_t>(result.loss), std::bit_cast<int64_t>(expected.loss));
  EXPECT_EQ(std::bit_cast<int64_t>(result.gradient_norm), std::bit_cast<int64_t>(expected.gradient_norm));
  EXPECT_EQ(result.lr, expected.lr);
  EXPECT_EQ(result.loss_scale, expected.loss_scale);
  EXPECT_EQ(result.skipped, expected.skipped);
  EXPECT_EQ(result.overflow, expected.overflow);
  EXPECT_EQ(result.stop_requested, expected.stop_requested);
}

void expect_same_state(PipedTraining& training, PipedTraining& expected) {
  EXPECT_TRUE(training.values() == expected.values());
  EXPECT_EQ(training.state().step, expected.state().step);
  EXPECT_EQ(training.state().updates, expected.state().updates);
  EXPECT_EQ(training.state().loss_scale.state(), expected.state().loss_scale.state());
}

struct Outcome {
  int64_t num_corrected = 0;
  int64_t num_skipped = 0;
};

// Both kinds of steps in turn.
Outcome expect_same_bits(const Layout& layout, const Numbers& numbers, const UpdateRules& rules,
                         const ModelOptions& model, bool reproducible = false) {
  PipedTraining expected(model, layout, numbers, rules, reproducible);
  PipedTraining training(model, layout, numbers, rules, reproducible);
  training.validate_later();
  Outcome outcome;
  for (int64_t step = 0; step < few; ++step) {
    expected.step(step == few - 1 && test::world().rank() == 0);
    training.step(step == few - 1 && test::world().rank() == 0);
    if (step + 1 != pause) continue;
    training.settle();
    expect_same_state(training, expected);
    EXPECT_EQ(training.evaluated(), expected.evaluated());
  }
  training.settle();
  EXPECT_EQ(training.steps().size(), expected.steps().size());
  for (size_t i = 0; i < std::min(training.steps().size(), expected.steps().size()); ++i) {
    SCOPED_TRACE(fmt::format("step {}", i + 1));
    expect_same(training.steps()[i], expected.steps()[i]);
    if (expected.steps()[i].skipped) ++outcome.num_skipped;
  }
  expect_same_state(training, expected);
  outcome.num_corrected = training.num_corrected();
  return outcome;
}

const Numbers in_double{};
const Numbers in_single{DType::f32};

TEST(Validation, WithoutClippingEveryUpdateIsRight) {
  for (const Layout& layout : few_pipelines) {
    if (!is_in(layout)) continue;
    SCOPED_TRACE(text_of(layout));
    EXPECT_EQ(expect_same_bits(layout, in_double, {}, deep_gpt()).num_corrected, 0);
  }
}

TEST(Validation, WithClippingAlwaysEveryUpdateIsCorrected) {
  for (const Layout& layout : few_pipelines) {
    if (!is_in(layout)) continue;
    SCOPED_TRACE(text_of(layout));
    EXPECT_EQ(expect_same_bits(layout, in_double, {1e-3}, deep_gpt()).num_corrected, few);
  }
}

TEST(Validation, WithClippingSometimesBothHappen) {
  for (const Layout& layout : pipelines) {
    if (!is_in(layout)) continue;
    SCOPED_TRACE(text_of(layout));
    const int64_t corrected = expect_same_bits(layout, in_double, {1.5}, deep_gpt()).num_corrected;
    EXPECT_GT(corrected, 0);
    EXPECT_LT(corrected, few);
  }
}

// The largest gradients of f32 are 2^128: the scale falls until they are not reached, and rises again.
TEST(Validation, OverflowsAreFoundLater) {
  LossScaleOptions scale;
  scale.initial_loss_scale = 0x1p132;
  scale.loss_scale_window = 3;
  scale.hysteresis = 1;
  for (const Layout& layout : few_pipelines) {
    if (!is_in(layout)) continue;
    SCOPED_TRACE(text_of(layout));
    const Outcome outcome = expect_same_bits(layout, in_single, {4, LossScale::dynamic(scale)}, deep_gpt());
    EXPECT_GT(outcome.num_skipped, 0);
    EXPECT_LT(outcome.num_skipped, outcome.num_corrected);
    EXPECT_LT(outcome.num_corrected, few);
  }
}

// Under a constant scale of which the gradients of some steps are too large.
TEST(Validation, BadValuesAreSkippedLater) {
  const Layout layout = piped(4, "zb-h2", {2, 1, 1});
  if (!is_in(layout)) return;
  const UpdateRules rules{0, LossScale::constant(0x1.3p129), BadValues::skip};
  const Outcome outcome = expect_same_bits(layout, in_single, rules, deep_gpt());
  EXPECT_GT(outcome.num_skipped, 0);
  EXPECT_LT(outcome.num_skipped, few);
  EXPECT_EQ(outcome.num_corrected, outcome.num_skipped);
}

template <class Body>
std::string user_error_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(Validation, BadValuesStopTheNextStepWithTheWeightsBefore) {
  const Layout layout = piped(4, "1f1b", {2, 1, 1});
  if (!is_in(layout)) return;
  const UpdateRules rules{0, LossScale::constant(0x1p140)};
  PipedTraining expected(deep_gpt(), layout, in_single, rules);
  PipedTraining training(deep_gpt(), layout, in_single, rules);
  training.validate_later();
  const std::string message = user_error_of([&] { expected.step(); });
  EXPECT_NE(message.find("step 1: loss "), std::string::npos) << message;
  EXPECT_NE(message.find("NaN or Inf in the gradients of "), std::string::npos) << message;
  training.step();
  EXPECT_EQ(user_error_of([&] { training.step(); }), message);
  EXPECT_TRUE(training.values() == expected.values());
  EXPECT_EQ(training.state().step, 0);
}

TEST(Validation, KeepsTheBitsOfTheReproducibleMode) {
  for (const Layout& layout : {piped(4, "zb-h1", {1, 2, 1}), piped(2, "chimera", {2, 1, 1})}) {
    if (!is_in(layout)) continue;
    SCOPED_TRACE(text_of(layout));
    const int64_t corrected = expect_same_bits(layout, in_single, {1.5}, deep_gpt(), true).num_corrected;
    EXPECT_GT(corrected, 0);
    EXPECT_LT(corrected, few);
  }
}

// A communicator of the data axis that calls back before it sums: where a rank ends its step.
class SlowRanks final : public Communicator {
 public:
  SlowRanks(std::unique_ptr<Communicator> ranks, std::function<void()> before_sum)
      : ranks_(std::move(ranks)), before_sum_(std::move(before_sum)) {}
  Axis axis() const override { return ranks_->axis(); }
  int rank() const override { return ranks_->rank(); }
  int size() const override { return ranks_->size(); }
  Event all_reduce(Tensor tensor, ReduceOp op, std::string_view purpose) override {
    before_sum_();
    return ranks_->all_reduce(std::move(tensor), op, purpose);
  }
  Event reduce_scatter(Tensor input, Tensor output, ReduceOp op, std::string_view purpose) override {
    return ranks_->reduce_scatter(std::move(input), std::move(output), op, purpose);
  }
  Event all_gather(Tensor input, Tensor output, std::string_view purpose) override {
    return ranks_->all_gather(std::move(input), std::move(output), purpose);
  }
  Event broadcast(Tensor tensor, int root, std::string_view purpose) override {
    return ranks_->broadcast(std::move(tensor), root, purpose);
  }
  Event reduce(Tensor tensor, ReduceOp op, int root, std::string_view purpose) override {
    return ranks_->reduce(std::move(tensor), op, root, purpose);
  }
  Event all_to_all(Tensor input, Tensor output, std::string_view purpose) override {
    return ranks_->all_to_all(std::move(input), std::move(output), purpose);
  }
  Event send(Tensor tensor, int destination, std::string_view purpose) override {
    return ranks_->send(std::move(tensor), destination, purpose);
  }
  Event receive(Tensor tensor, int source, std::string_view purpose) override {
    return ranks_->receive(std::move(tensor), source, purpose);
  }
  Event barrier(std::string_view purpose) override { return ranks_->barrier(purpose); }

 private:
  std::unique_ptr<Communicator> ranks_;
  std::function<void()> before_sum_;
};

// The last stage does not end a step before the first has, which a barrier between the two would make wait for ever.
TEST(Validation, ASlowStageDoesNotHoldThoseBeforeIt) {
  const Layout layout = piped(4, "zb-h2", {1, 1, 1});
  if (!is_in(layout)) return;
  const int64_t ends[] = {0, 3};
  const bool first = test::world().rank() == 0;
  const bool last = test::world().rank() == 3;
  const auto messages = first || last ? test::world().communicator(Axis::data, ends) : nullptr;
  const Tensor word = Tensor::zeros(test::pool(), {1}, DType::f64, MemoryPurpose::communication);
  // A token table that both have would be summed at the end of each step.
  PipedTraining training(
      with(deep_gpt(), [](ModelOptions& model) { model.untie_embeddings_and_output_weights = true; }), layout,
      in_double, {});
  training.validate_later();
  std::unique_ptr<Communicator>& ranks = training.data().ranks;
  const auto wait_for_first = [&] { messages->receive(word, 0, "test").wait(); };
  if (last) ranks = std::make_unique<SlowRanks>(std::move(ranks), wait_for_first);
  for (int i = 0; i < 3; ++i) {
    training.step();
    if (first) messages->send(word, 1, "test").wait();
  }
  training.settle();
  EXPECT_EQ(training.steps().size(), 3U);
}

TEST(Validation, SaysWhatItCannotBeUsedWith) {
  EXPECT_NE(user_error_of([] { check_validated_steps({}, nullptr); })
                .find("parallel.post_validation = true with parallel.pipeline_model_parallel_size = 1: expected 2 or "
                      "more"),
            std::string::npos);
  const PipelineOptions stream{2, "pipedream"};
  const Schedule schedule = plan_stream(deep_gpt(), 6, stream, 1, 4).schedule;
  EXPECT_NE(user_error_of([&] {
              check_validated_steps(stream, &schedule);
            }).find("parallel.pipeline_schedule = pipedream: expected a synchronous one"),
            std::string::npos);
}

}  // namespace
}  // namespace kumiko::layouts
