#include "kumiko/kernels/cases.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/kernels/case_makers.h"
#include "kumiko/tensor/half.h"

namespace kumiko {
namespace {

using namespace case_makers;

using Maker = KernelCase (*)(const CaseSpec&, Tensors&);

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> table = {
      {"linear_forward", linear_case},
      {"linear_backward_input", linear_case},
      {"linear_backward_weight", linear_case},
      {"linear_forward_terms", linear_terms_case},
      {"linear_backward_input_terms", linear_terms_case},
      {"linear_gelu_forward", linear_case},
      {"linear_gelu_backward_input", linear_case},
      {"linear_gelu_backward_weight", linear_case},
      {"attention_forward", attention_case},
      {"attention_backward", attention_case},
      {"layer_norm_forward", layer_norm_case},
      {"layer_norm_backward", layer_norm_case},
      {"rms_norm_forward", rms_norm_case},
      {"rms_norm_backward", rms_norm_case},
      {"swiglu_forward", swiglu_case},
      {"swiglu_backward", swiglu_case},
      {"rotate", rotate_case},
      {"gelu_forward", gelu_case},
      {"gelu_backward", gelu_case},
      {"embedding_forward", embedding_case},
      {"embedding_backward", embedding_case},
      {"cross_entropy_statistics", cross_entropy_case},
      {"cross_entropy_gradient", cross_entropy_case},
      {"dropout", dropout_case},
      {"add", elementwise_case},
      {"scale", elementwise_case},
      {"sum_of_squares", elementwise_case},
      {"add_squares", elementwise_case},
      {"adamw", optimizer_case},
      {"sgd", optimizer_case},
  };
  return table;
}

}  // namespace

int64_t CaseSpec::get(const std::string& name, int64_t fallback) const {
  const auto found = sizes.find(name);
  return found == sizes.end() ? fallback : found->second;
}

std::string CaseSpec::to_string() const {
  std::string text = kernel;
  char separator = ':';
  for (const auto& [name, value] : sizes) {
    text += fmt::format("{}{}={}", separator, name, value);
    separator = ',';
  }
  return text;
}

CaseSpec CaseSpec::parse(std::string_view text) {
  CaseSpec spec;
  const size_t colon = text.find(':');
  spec.kernel = std::string(text.substr(0, colon));
  if (colon == std::string_view::npos) return spec;
  for (const std::string& part : split(text.substr(colon + 1), ',')) {
    const size_t equals = part.find('=');
    int64_t value = 0;
    const char* end = part.data() + part.size();
    const bool whole = equals != std::string::npos && equals > 0 &&
                       std::from_chars(part.data() + equals + 1, end, value).ptr == end && equals + 1 < part.size();
    if (!whole) throw_user("kernel case \"{}\": \"{}\" is not NAME=NUMBER, as in add:elements=1000", text, part);
    spec.sizes[part.substr(0, equals)] = value;
  }
  return spec;
}

KernelCase make_case(const CaseSpec& spec, const CaseTypes& types, MemoryPool& pool) {
  const auto found = makers().find(spec.kernel);
  if (found == makers().end()) {
    std::string known;
    for (const std::string& name : case_kernels()) known += (known.empty() ? "" : ", ") + name;
    throw_user("no kernel is called \"{}\"; there are {}", spec.kernel, known);
  }
  Tensors tensors(types, pool);
  KernelCase made = found->second(spec, tensors);
  made.spec = spec;
  if (!made.prepare) made.prepare = [](Kernels&) {};
  return made;
}

std::vector<std::string> case_kernels() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : makers()) names.push_back(name);
  return names;
}

double element_at(const Tensor& tensor, int64_t index) {
  switch (tensor.dtype()) {
    case DType::f64:
      return tensor.data<double>()[index];
    case DType::f32:
      return tensor.data<float>()[index];
    case DType::bf16:
      return static_cast<float>(tensor.data<BFloat16>()[index]);
    case DType::f16:
      return static_cast<float>(tensor.data<Float16>()[index]);
    default:
      throw_internal("element_at: {} is not a floating type", name_of(tensor.dtype()));
  }
}

void set_element(const Tensor& tensor, int64_t index, double value) {
  switch (tensor.dtype()) {
    case DType::f64:
      tensor.data<double>()[index] = value;
      return;
    case DType::f32:
      tensor.data<float>()[index] = static_cast<float>(value);
      return;
    case DType::bf16:
      tensor.data<BFloat16>()[index] = BFloat16(static_cast<float>(value));
      return;
    case DType::f16:
      tensor.data<Float16>()[index] = Float16(static_cast<float>(value));
      return;
    default:
      throw_internal("set_element: {} is not a floating type", name_of(tensor.dtype()));
  }
}

double tolerance(double sum_length, DType type) {
  const double stored = type == DType::bf16 ? 0x1p-9 : type == DType::f16 ? 0x1p-12 : 0;
  return 4 * (std::numeric_limits<float>::epsilon() * std::sqrt(sum_length) + stored);
}

std::string compare_kernels(const CaseSpec& spec, Kernels& kernels, Kernels& reference, MemoryPool& pool, DType type) {
  const KernelCase tried = make_case(spec, type, pool);
  const KernelCase judge = make_case(spec, {DType::f32, type}, pool);
  tried.prepare(kernels);
  tried.run(kernels);
  judge.prepare(reference);
  judge.run(reference);
  for (size_t i = 0; i < tried.outputs.size(); ++i) {
    double error = 0;
    double norm = 0;
    for (int64_t j = 0; j < tried.outputs[i].tensor.num_elements(); ++j) {
      const double expected = element_at(judge.outputs[i].tensor, j);
      const double difference = element_at(tried.outputs[i].tensor, j) - expected;
      error += difference * difference;
      norm += expected * expected;
    }
    const double allowed = tolerance(tried.sum_length, type) * std::sqrt(norm);
    if (std::sqrt(error) <= allowed) continue;
    return fmt::format("{} is off by {:.3g} in norm, {:.3g} allowed", tried.outputs[i].name, std::sqrt(error), allowed);
  }
  return "";
}

std::string compare_bits(const CaseSpec& spec, Kernels& first, Kernels& second, MemoryPool& pool, DType type) {
  const KernelCase a = make_case(spec, type, pool);
  const KernelCase b = make_case(spec, type, pool);
  a.prepare(first);
  a.run(first);
  b.prepare(second);
  b.run(second);
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    const Tensor& left = a.outputs[i].tensor;
    const Tensor& right = b.outputs[i].tensor;
    if (std::memcmp(left.raw(), right.raw(), left.num_bytes()) == 0) continue;
    const size_t size = size_of(left.dtype());
    int64_t j = 0;
    const auto at = [&](const Tensor& tensor) { return static_cast<const char*>(tensor.raw()) + j * int64_t(size); };
    while (std::memcmp(at(left), at(right), size) == 0) ++j;
    return fmt::format("{}[{}] is {:.9g} and {:.9g}", a.outputs[i].name, j, element_at(left, j), element_at(right, j));
  }
  return "";
}

}  // namespace kumiko
