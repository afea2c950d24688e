// Loss scaling within the training step: an overflow on purpose, and back.
#include <gtest/gtest.h>

#include <cmath>

#include "kumiko/comm/communicator.h"
#include "kumiko/train/state_checkpoint.h"
#include "kumiko/train/step.h"

namespace kumiko {
namespace {

ModelOptions small_model() {
  ModelOptions options;
  options.num_layers = 2;
  options.hidden_size = 16;
  options.num_attention_heads = 2;
  options.vocab_size = 19;
  options.max_position_embeddings = 8;
  options.hidden_dropout = 0.1;
  return options;
}

struct Training {
  std::shared_ptr<MemoryPool> pool = MemoryPool::create();
  DType dtype;
  std::unique_ptr<Kernels> kernels = make_cpu_kernels(pool, 1, dtype, LinearBackend::native);
  std::unique_ptr<World> world = connect_world();
  std::unique_ptr<Communicator> data;
  StepSettings settings;
  TrainingState state;

  explicit Training(LossScale scale, DType type = DType::f32)
      : dtype(type),
        settings(make_settings()),
        state(make_training_state(small_model(), settings.optimizer, 1, *kernels, *pool)) {
    const int64_t everyone[] = {0};
    data = world->communicator(Axis::data, everyone);
    state.loss_scale = scale;
  }

  static StepSettings make_settings() {
    StepSettings settings;
    settings.optimizer.lr_decay_style = DecayStyle::constant;
    settings.optimizer.lr_warmup_iters = 4;
    settings.optimizer.lr_warmup_init = 1e-4;
    settings.optimizer.lr_decay_iters = 1;
    settings.tokens_per_step = 3 * 8;
    return settings;
  }

  MicroBatch batch() const {
    const auto tokens = [&](uint64_t stream) {
      const Tensor tensor = Tensor::empty(*pool, {3, 8}, DType::i32, MemoryPurpose::workspace);
      const PhiloxKey key = random_key(static_cast<uint64_t>(state.step), RandomStream::test, stream);
      uint64_t i = 0;
      for (int32_t& token : tensor.elements<int32_t>()) token = static_cast<int32_t>(random_bits(key, i++) % 19);
      return tensor;
    };
    return {tokens(0), tokens(1), 0};
  }

  StepResult step() {
    return training_step(state, {*kernels, *pool, nullptr, dtype}, {batch()}, *data, settings, false);
  }

  std::vector<char> weights() const {
    std::vector<char> bits;
    for (const auto& parameter : state.model.parameters().all()) {
      const char* begin = static_cast<const char*>(parameter->value.raw());
      bits.insert(bits.end(), begin, begin + parameter->value.num_bytes());
    }
    return bits;
  }
};

LossScaleOptions scale_from(double initial, int64_t window, int64_t hysteresis) {
  LossScaleOptions options;
  options.initial_loss_scale = initial;
  options.loss_scale_window = window;
  options.hysteresis = hysteresis;
  return options;
}

// A power of two leaves every bit of losses, norms and weights as it is.
TEST(LossScaling, ByAPowerOfTwoChangesNothing) {
  Training plain(LossScale::constant(1));
  Training scaled(LossScale::constant(65536));
  for (int i = 0; i < 5; ++i) {
    const StepResult expected = plain.step();
    const StepResult actual = scaled.step();
    EXPECT_EQ(actual.loss, expected.loss);
    EXPECT_EQ(actual.gradient_norm, expected.gradient_norm);
    EXPECT_EQ(actual.loss_scale, 65536);
  }
  EXPECT_TRUE(scaled.weights() == plain.weights());
}

TEST(LossScaling, SkipsHalvesAndRecovers) {
  // Gradients of about 2^-7 a token overflow f32 from a scale of about 2^130 on; the first overflow is forgiven.
  Training training(LossScale::dynamic(scale_from(0x1p140, 4, 2)));
  const std::vector<char> start = training.weights();
  int skipped = 0;
  double scale = 0x1p140;
  StepResult result = training.step();
  for (; result.skipped; result = training.step()) {
    EXPECT_TRUE(result.overflow);
    EXPECT_EQ(result.loss_scale, scale);
    EXPECT_TRUE(std::isfinite(result.loss));
    EXPECT_TRUE(training.weights() == start);
    if (++skipped > 1) scale /= 2;
    ASSERT_LT(skipped, 60);
  }
  EXPECT_GT(skipped, 5);
  // The learning rate has not gone on without the weights.
  EXPECT_EQ(result.lr, 1e-4);
  EXPECT_FALSE(training.weights() == start);
  EXPECT_EQ(training.state.updates, 1);
  EXPECT_EQ(training.state.step, skipped + 1);
  // Three more without overflow complete the window.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(training.state.loss_scale.value(), scale);
    EXPECT_FALSE(training.step().skipped);
  }
  EXPECT_EQ(training.state.loss_scale.value(), 2 * scale);
}

TEST(LossScaling, ASkippedStepIsAsIfItHadNotBeen) {
  Training training(LossScale::dynamic(scale_from(0x1p140, 1000, 1)));
  Training plain(LossScale::constant(1));
  // So that what the gradient is multiplied by stays a power of two, exact though it is below f32's normal numbers.
  training.settings.optimizer.clip_grad = plain.settings.optimizer.clip_grad = 0;
  while (training.step().skipped) {
  }
  plain.state.step = training.state.step - 1;
  plain.step();
  EXPECT_TRUE(training.weights() == plain.weights());
}

std::string message_of(Training& training) {
  try {
    training.step();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(LossScaling, DoesNotExcuseBadValuesThatAreNotItsFault) {
  // A constant scale that is too large.
  Training constant(LossScale::constant(0x1p140));
  EXPECT_NE(message_of(constant).find("NaN or Inf in the gradients"), std::string::npos);
  // A loss that is not finite: no scale helps.
  Training broken(LossScale::dynamic(scale_from(1024, 1000, 1)));
  broken.state.model.parameters().all().front()->value.data<float>()[0] = NAN;
  EXPECT_NE(message_of(broken).find("loss nan"), std::string::npos);
  EXPECT_EQ(broken.state.loss_scale.value(), 1024);
  // A dynamic scale that cannot fall any more.
  LossScaleOptions lowest = scale_from(0x1p140, 1000, 1);
  lowest.min_loss_scale = 0x1p140;
  Training stuck(LossScale::dynamic(lowest));
  EXPECT_NE(message_of(stuck).find("NaN or Inf in the gradients"), std::string::npos);
}

// Rounding of what is stored in 16 bits may move a loss by that much of itself; so does bf16, without a scale.
TEST(LossScaling, HalfPrecisionFollowsSingle) {
  for (const DType type : {DType::bf16, DType::f16}) {
    SCOPED_TRACE(name_of(type));
    Training single(LossScale::constant(1));
    Training half(LossScale::constant(type == DType::f16 ? 1024 : 1), type);
    const double rounding = type == DType::f16 ? 0x1p-11 : 0x1p-8;
    for (int i = 0; i < 20; ++i) {
      const StepResult expected = single.step();
      const StepResult actual = half.step();
      EXPECT_NEAR(actual.loss, expected.loss, 2 * rounding * expected.loss) << i;
      EXPECT_NEAR(actual.gradient_norm, expected.gradient_norm, 8 * rounding * expected.gradient_norm) << i;
      EXPECT_NE(actual.gradient_norm, expected.gradient_norm) << i;
    }
  }
}

// What fp16 is for: gradients beyond 65504 are infinite, the scale falls until they are not, and training goes on.
TEST(LossScaling, Fp16OverflowsAndRecovers) {
  Training training(LossScale::dynamic(scale_from(0x1p32, 1000, 2)), DType::f16);
  int skipped = 0;
  double first = 0;
  double last = 0;
  for (int i = 0; i < 60; ++i) {
    const StepResult result = training.step();
    skipped += result.overflow ? 1 : 0;
    if (i == 0) first = result.loss;
    last = result.loss;
    EXPECT_TRUE(std::isfinite(result.loss));
  }
  EXPECT_GT(skipped, 5);
  EXPECT_LT(skipped, 30);
  EXPECT_LT(training.state.loss_scale.value(), 0x1p28);
  EXPECT_LT(last, first);
}

TEST(RunRecord, KeepsTheLossScale) {
  RunRecord record;
  record.step = 7;
  record.updates = 5;
  record.config = "[train]";
  EXPECT_FALSE(run_record_from_json(to_json(record), "test").loss_scale.has_value());
  record.loss_scale = LossScaleState{0.1 * 0x1p31, 3, -2};
  const RunRecord read = run_record_from_json(to_json(record), "test");
  EXPECT_EQ(read.loss_scale, record.loss_scale);
  EXPECT_EQ(read.step, 7);
  EXPECT_EQ(read.updates, 5);
}

}  // namespace
}  // namespace kumiko
