// The outside judge: a small GPT-2 of transformers, computed and trained by PyTorch (tests/reference/
// make_gpt2_fixtures.py), against ours from the same weights and batches.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kumiko/checkpoint/safetensors.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/data/document_mask.h"
#include "kumiko/train/step.h"
#include "support/linear_backends.h"

namespace kumiko {
namespace {

// Q, k and v are parameters of their own here; in the fixtures they are rows of one.
struct FixturePart {
  std::string name;
  size_t first_row = 0;
};

FixturePart fixture_part(const ParameterPart& part) {
  constexpr const char* stacked[] = {".query.", ".key.", ".value."};
  for (size_t i = 0; i < 3; ++i) {
    const size_t at = part.name.find(stacked[i]);
    if (at == std::string::npos) continue;
    const std::string suffix = part.name.substr(at + std::strlen(stacked[i]));
    return {part.name.substr(0, at) + ".qkv." + suffix, i * static_cast<size_t>(part.global_shape[0])};
  }
  return {part.name, 0};
}

class Fixture {
 public:
  Fixture(const std::string& name, DType dtype)
      : settings_(nlohmann::json::parse(std::ifstream(path(name, ".json")))),
        start_(path(name, ".f32.safetensors")),
        results_(path(name, dtype == DType::f64 ? ".f64.safetensors" : ".f32.safetensors")),
        dtype_(dtype) {}

  const nlohmann::json& settings() const { return settings_; }
  const nlohmann::json& results() const { return settings_.at(dtype_ == DType::f64 ? "f64" : "f32"); }

  ModelOptions model() const {
    const auto& sizes = settings_.at("model");
    ModelOptions options;
    options.num_layers = sizes.at("num_layers");
    options.hidden_size = sizes.at("hidden_size");
    options.num_attention_heads = sizes.at("num_heads");
    options.ffn_hidden_size = sizes.at("ffn_hidden_size");
    options.vocab_size = sizes.at("vocab_size");
    options.max_position_embeddings = sizes.at("max_position_embeddings");
    options.untie_embeddings_and_output_weights = !sizes.at("tied").get<bool>();
    options.layernorm_epsilon = sizes.at("layer_norm_epsilon");
    return options;
  }

  // -1: samples are of one document.
  int32_t end_of_document() const { return settings_.at("model").value("end_of_document", -1); }

  OptimizerOptions optimizer() const {
    const auto& settings = settings_.at("optimizer");
    OptimizerOptions options;
    options.lr = settings.at("lr");
    options.lr_decay_style = DecayStyle::constant;
    options.lr_decay_iters = 1;
    options.adam_beta1 = settings.at("beta1");
    options.adam_beta2 = settings.at("beta2");
    options.adam_eps = settings.at("eps");
    options.weight_decay = settings.at("weight_decay");
    options.clip_grad = settings.at("clip_grad");
    return options;
  }

  std::vector<double> values(const std::string& name) const { return read(results_, name); }
  std::vector<double> start_values(const std::string& name) const { return read(start_, name); }

  MicroBatch batch(MemoryPool& pool, size_t index) const {
    const Shape& shape = start_.find("tokens")->shape;
    const auto load = [&](const char* name) {
      const Tensor tensor = Tensor::empty(pool, {shape[1], shape[2]}, DType::i32, MemoryPurpose::workspace);
      std::memcpy(tensor.raw(), start_.bytes(*start_.find(name)).data() + index * tensor.num_bytes(),
                  tensor.num_bytes());
      return tensor;
    };
    MicroBatch made{load("tokens"), load("targets"), 0};
    const int32_t end = end_of_document();
    if (end < 0) return made;
    made.first_keys = Tensor::empty(pool, made.tokens.shape(), DType::i32, MemoryPurpose::workspace);
    made.positions = Tensor::empty(pool, made.tokens.shape(), DType::i32, MemoryPurpose::workspace);
    for (int64_t row = 0; row < made.tokens.shape()[0]; ++row) {
      const auto row_of = [&](const Tensor& tensor) { return tensor.rows(row, row + 1).elements<int32_t>(); };
      document_first_keys(row_of(made.tokens), end, row_of(made.first_keys));
      document_positions(row_of(made.tokens), end, row_of(made.positions));
    }
    return made;
  }

 private:
  static std::string path(const std::string& name, const std::string& ending) {
    return KUMIKO_FIXTURES "/gpt2/" + name + ending;
  }

  static std::vector<double> read(const SafetensorsFile& file, const std::string& name) {
    const SafetensorsEntry* entry = file.find(name);
    if (entry == nullptr) throw_internal("the fixture has no {}", name);
    const auto bytes = file.bytes(*entry);
    const auto convert = [&]<class T>(T) {
      std::vector<T> elements(bytes.size() / sizeof(T));
      std::memcpy(elements.data(), bytes.data(), bytes.size());
      return std::vector<double>(elements.begin(), elements.end());
    };
    return entry->dtype == DType::f64 ? convert(double{}) : convert(float{});
  }

  nlohmann::json settings_;
  SafetensorsFile start_;
  SafetensorsFile results_;
  DType dtype_;
};

double element(const Tensor& tensor, size_t i) {
  return tensor.dtype() == DType::f64 ? tensor.data<double>()[i] : static_cast<double>(tensor.data<float>()[i]);
}

// |actual - expected| / |expected|, in the 2-norm.
double relative_error(const Tensor& actual, size_t begin, const double* expected, size_t count) {
  double error = 0;
  double norm = 0;
  for (size_t i = 0; i < count; ++i) {
    error += std::pow(element(actual, begin + i) - expected[i], 2);
    norm += std::pow(expected[i], 2);
  }
  return std::sqrt(error / norm);
}

// Calls visit(part, tensor, first element in it, expected values) for each part, with `member` of its parameter.
template <class Visit>
void for_each_part(const Fixture& fixture, const ParameterRegistry& parameters, const std::string& prefix, bool start,
                   Tensor Parameter::*member, Visit visit) {
  for (const auto& parameter : parameters.all()) {
    for (const ParameterPart& part : parameter->parts) {
      const auto count = static_cast<size_t>(part.box.num_elements());
      const size_t row = count / static_cast<size_t>(part.box.size[0]);
      const FixturePart place = fixture_part(part);
      const std::vector<double> values =
          start ? fixture.start_values(prefix + place.name) : fixture.values(prefix + place.name);
      visit(part, (*parameter).*member, static_cast<size_t>(part.first_row) * row,
            values.data() + place.first_row * row);
    }
  }
}

TrainingState state_at_start(const Fixture& fixture, Kernels& kernels, MemoryPool& pool, DType dtype) {
  TrainingState state = make_training_state(fixture.model(), fixture.optimizer(), 1, kernels, pool, dtype);
  for_each_part(fixture, state.model.parameters(), "weights/", true, &Parameter::value,
                [&](const ParameterPart& part, const Tensor& tensor, size_t begin, const double* expected) {
                  for (size_t i = 0; i < static_cast<size_t>(part.box.num_elements()); ++i) {
                    if (dtype == DType::f64) {
                      tensor.data<double>()[begin + i] = expected[i];
                    } else {
                      tensor.data<float>()[begin + i] = static_cast<float>(expected[i]);
                    }
                  }
                });
  state.model.prepare(kernels);
  return state;
}

struct Tolerance {
  double logits;
  double gradients;
  double losses;
  double weights;
};

void check_parity(const std::string& name, Kernels& kernels, DType dtype, const Tolerance& tolerance) {
  const Fixture fixture(name, dtype);
  const auto pool = MemoryPool::create();
  const auto world = connect_world();
  const int64_t everyone[] = {0};
  const auto data = world->communicator(Axis::data, everyone);
  TrainingState state = state_at_start(fixture, kernels, *pool, dtype);
  const MicroBatch first = fixture.batch(*pool, 0);
  StepContext context{kernels, *pool};
  context.dtype = dtype;

  Pass pass{kernels, *pool};
  pass.dtype = dtype;
  pass.batch = first.tokens.shape()[0];
  pass.sequence = first.tokens.shape()[1];
  pass.tokens = first.tokens;
  pass.first_keys = first.first_keys;
  pass.positions = first.positions;
  const Tensor logits = state.model.logits(pass);
  const std::vector<double> expected_logits = fixture.values("logits");
  EXPECT_LT(relative_error(logits, 0, expected_logits.data(), expected_logits.size()), tolerance.logits);

  StepSettings settings{fixture.optimizer(), BadValues::stop, pass.num_tokens(), fixture.end_of_document() >= 0};
  for (size_t step = 0; step < fixture.results().at("losses").size(); ++step) {
    const StepResult result = training_step(state, context, {fixture.batch(*pool, step)}, *data, settings, false);
    const double loss = fixture.results().at("losses")[step];
    const double norm = fixture.results().at("gradient_norms")[step];
    EXPECT_NEAR(result.loss, loss, tolerance.losses * loss) << "step " << step;
    EXPECT_NEAR(result.gradient_norm, norm, tolerance.losses * norm) << "step " << step;
    if (step > 0) continue;
    for_each_part(fixture, state.model.parameters(), "gradients/", false, &Parameter::gradient,
                  [&](const ParameterPart& part, const Tensor& tensor, size_t begin, const double* expected) {
                    // The exact gradient of a key's bias is zero: what is computed is rounding.
                    if (part.name.ends_with("key.bias")) return;
                    EXPECT_LT(relative_error(tensor, begin, expected, static_cast<size_t>(part.box.num_elements())),
                              tolerance.gradients)
                        << part.name;
                  });
  }
  for_each_part(fixture, state.model.parameters(), "final/", false, &Parameter::value,
                [&](const ParameterPart& part, const Tensor& tensor, size_t begin, const double* expected) {
                  if (part.name.ends_with("key.bias")) return;
                  EXPECT_LT(relative_error(tensor, begin, expected, static_cast<size_t>(part.box.num_elements())),
                            tolerance.weights)
                      << part.name;
                });
}

// In double both sides differ by rounding alone, grown a little by ten steps of Adam.
constexpr Tolerance in_double{1e-13, 1e-12, 1e-12, 1e-10};
// What the project promises in single precision.
constexpr Tolerance in_single{1e-5, 1e-5, 1e-5, 1e-5};

TEST(Parity, TiedInDouble) { check_parity("tied", *make_reference_kernels(), DType::f64, in_double); }
TEST(Parity, UntiedInDouble) { check_parity("untied", *make_reference_kernels(), DType::f64, in_double); }
TEST(Parity, DocumentsInDouble) { check_parity("documents", *make_reference_kernels(), DType::f64, in_double); }

class ParityInSingle : public testing::TestWithParam<LinearBackend> {
 protected:
  void SetUp() override {
    if (const std::string reason = test::why_without(GetParam()); !reason.empty()) GTEST_SKIP() << reason;
  }
  static void check(const std::string& name, int num_threads) {
    const auto kernels = make_cpu_kernels(MemoryPool::create(), num_threads, DType::f32, GetParam());
    check_parity(name, *kernels, DType::f32, in_single);
  }
};

TEST_P(ParityInSingle, Documents) { check("documents", 2); }
TEST_P(ParityInSingle, Tied) { check("tied", 2); }
TEST_P(ParityInSingle, Untied) { check("untied", 1); }

INSTANTIATE_TEST_SUITE_P(LinearBackends, ParityInSingle, test::every_linear_backend(),
                         [](const auto& tested) { return name_of(tested.param); });

}  // namespace
}  // namespace kumiko
