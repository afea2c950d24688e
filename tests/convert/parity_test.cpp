// The outside judge: logits and gradients of transformers' own models (tests/reference/make_hf_fixtures.py) against
// ours, from the folders that it saved.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "convert/hf_testing.h"
#include "kumiko/convert/names.h"
#include "kumiko/model/model.h"
#include "support/linear_backends.h"

namespace kumiko {
namespace {

using test::StoredTensors;

std::vector<double> read(const SafetensorsFile& file, const std::string& name) {
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

double element(const Tensor& tensor, int64_t i) {
  return tensor.dtype() == DType::f64 ? tensor.data<double>()[i] : static_cast<double>(tensor.data<float>()[i]);
}

// |actual - expected| / |expected|, in the 2-norm.
double relative_error(const std::vector<double>& actual, const std::vector<double>& expected) {
  if (actual.size() != expected.size()) return INFINITY;
  double error = 0;
  double norm = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    error += std::pow(actual[i] - expected[i], 2);
    norm += std::pow(expected[i], 2);
  }
  return std::sqrt(error / norm);
}

class ImportedModel {
 public:
  ImportedModel(const std::string& fixture, Kernels& kernels, DType dtype)
      : kernels_(kernels),
        dtype_(dtype),
        expected_(test::hf_fixture(fixture) /
                  (dtype == DType::f64 ? "expected.f64.safetensors" : "expected.f32.safetensors")),
        model_(import(fixture)) {
    model_.parameters().allocate_values(*pool_, dtype);
    model_.parameters().allocate_gradients(*pool_, dtype);
    fill(test::tensors_of_checkpoint(directory_ / "checkpoints"));
    model_.prepare(kernels);
  }

  const ModelOptions& options() const { return model_.options(); }
  std::vector<double> expected(const std::string& name) const { return read(expected_, name); }

  std::vector<double> logits() {
    Pass pass = this->pass();
    const Tensor logits = model_.logits(pass);
    std::vector<double> values;
    for (int64_t i = 0; i < logits.num_elements(); ++i) values.push_back(element(logits, i));
    return values;
  }

  // The mean loss; fills the gradients.
  double train() {
    Stash stash;
    WeightWork work(WeightWork::When::at_once);
    Pass pass = this->pass();
    pass.stash = &stash;
    pass.weight_work = &work;
    pass.loss_scale = 1.0 / static_cast<double>(pass.num_tokens());
    fill_zero(model_.parameters().gradients());
    model_.forward(pass);
    model_.backward(pass);
    return pass.loss_sum * pass.loss_scale;
  }

  // As the file of the model would hold it.
  std::vector<double> gradient(const ForeignTensor& tensor) const {
    std::vector<double> stacked;
    for (const LogicalTensor& part : tensor.parts) {
      visit(part.name, [&](const Parameter& parameter, int64_t begin, int64_t count) {
        for (int64_t i = 0; i < count; ++i) stacked.push_back(element(parameter.gradient, begin + i));
      });
    }
    const Shape shape = tensor.stacked_shape();
    if (!tensor.hf_transposed || shape.rank() != 2) return stacked;
    std::vector<double> transposed;
    for (int64_t column = 0; column < shape[1]; ++column) {
      for (int64_t row = 0; row < shape[0]; ++row) {
        transposed.push_back(stacked[static_cast<size_t>(row * shape[1] + column)]);
      }
    }
    return transposed;
  }

 private:
  ModelOptions import(const std::string& fixture) const {
    return test::import_to(test::hf_fixture(fixture), directory_ / "checkpoints").model;
  }

  // Calls found(parameter, first element, number of elements) for the logical tensor `name`.
  template <class Found>
  void visit(const std::string& name, Found found) const {
    for (const auto& parameter : model_.parameters().all()) {
      for (const ParameterPart& part : parameter->parts) {
        if (part.name != name) continue;
        const int64_t count = part.box.num_elements();
        found(*parameter, part.first_row * (count / part.box.size[0]), count);
        return;
      }
    }
    ADD_FAILURE() << "the model has no " << name;
  }

  void fill(const StoredTensors& tensors) {
    for (const auto& [name, tensor] : tensors) {
      visit(name, [&, &stored = tensor](const Parameter& parameter, int64_t begin, int64_t count) {
        const auto* values = reinterpret_cast<const float*>(stored.bytes.data());
        for (int64_t i = 0; i < count; ++i) {
          if (dtype_ == DType::f64) {
            parameter.value.data<double>()[begin + i] = static_cast<double>(values[i]);
          } else {
            parameter.value.data<float>()[begin + i] = values[i];
          }
        }
      });
    }
  }

  Pass pass() const {
    Pass pass{kernels_, *pool_};
    pass.dtype = dtype_;
    const auto load = [&](const char* name) {
      const SafetensorsEntry* entry = expected_.find(name);
      const Tensor tensor = Tensor::empty(*pool_, entry->shape, DType::i32, MemoryPurpose::workspace);
      std::memcpy(tensor.raw(), expected_.bytes(*entry).data(), tensor.num_bytes());
      return tensor;
    };
    pass.tokens = load("tokens");
    pass.targets = load("targets");
    pass.batch = pass.tokens.shape()[0];
    pass.sequence = pass.tokens.shape()[1];
    return pass;
  }

  TestDirectory directory_{"parity"};
  std::shared_ptr<MemoryPool> pool_ = MemoryPool::create();
  Kernels& kernels_;
  DType dtype_;
  SafetensorsFile expected_;
  Model model_;
};

class Parity : public testing::TestWithParam<const char*> {};

void check(const std::string& fixture, Kernels& kernels, DType dtype, double tolerance) {
  ImportedModel model(fixture, kernels, dtype);
  EXPECT_LT(relative_error(model.logits(), model.expected("logits")), tolerance);
  const double loss = model.expected("loss")[0];
  EXPECT_NEAR(model.train(), loss, tolerance * loss);
  int checked = 0;
  for (const ForeignTensor& tensor : foreign_tensors(model.options())) {
    // The exact gradient of a key's bias is zero where there are no positions in the keys: what is computed is
    // rounding.
    std::vector<double> actual = model.gradient(tensor);
    std::vector<double> expected = model.expected("gradients/" + tensor.hf_name);
    if (tensor.hf_name.ends_with("attn.c_attn.bias")) {
      const auto third = static_cast<std::ptrdiff_t>(actual.size() / 3);
      actual.erase(actual.begin() + third, actual.begin() + 2 * third);
      expected.erase(expected.begin() + third, expected.begin() + 2 * third);
    }
    EXPECT_LT(relative_error(actual, expected), tolerance) << tensor.hf_name;
    ++checked;
  }
  EXPECT_GT(checked, 10);
}

TEST_P(Parity, InDouble) { check(GetParam(), *make_reference_kernels(), DType::f64, 1e-12); }

using ModelAndBackend = std::tuple<const char*, LinearBackend>;
class ParityInSingle : public testing::TestWithParam<ModelAndBackend> {};

// What the project promises in single precision, with each library that linear layers may take their products from.
TEST_P(ParityInSingle, OfEveryLinearBackend) {
  const auto [fixture, backend] = GetParam();
  if (const std::string reason = test::why_without(backend); !reason.empty()) GTEST_SKIP() << reason;
  check(fixture, *make_cpu_kernels(MemoryPool::create(), 2, DType::f32, backend), DType::f32, 1e-5);
}

const auto every_model = testing::Values("gpt2", "gpt2_untied", "llama2", "llama31", "mistral", "mqa", "qwen2");

INSTANTIATE_TEST_SUITE_P(Transformers, Parity, every_model,
                         [](const auto& tested) { return std::string(tested.param); });
INSTANTIATE_TEST_SUITE_P(Transformers, ParityInSingle, testing::Combine(every_model, test::every_linear_backend()),
                         [](const auto& tested) {
                           return std::string(std::get<0>(tested.param)) + "_" + name_of(std::get<1>(tested.param));
                         });

}  // namespace
}  // namespace kumiko
