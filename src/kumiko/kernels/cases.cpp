#include "kumiko/kernels/cases.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/kernels/case_makers.h"

namespace kumiko {
namespace {

using namespace case_makers;

using Maker = KernelCase (*)(const CaseSpec&, Tensors&);

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> table = {
      {"linear_forward", linear_case},
      {"linear_backward_input", linear_case},
      {"linear_backward_weight", linear_case},
      {"linear_gelu_forward", linear_case},
      {"linear_gelu_backward_input", linear_case},
      {"linear_gelu_backward_weight", linear_case},
      {"attention_forward", attention_case},
      {"attention_backward", attention_case},
      {"layer_norm_forward", layer_norm_case},
      {"layer_norm_backward", layer_norm_case},
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

KernelCase make_case(const CaseSpec& spec, DType type, MemoryPool& pool) {
  const auto found = makers().find(spec.kernel);
  if (found == makers().end()) {
    std::string known;
    for (const std::string& name : case_kernels()) known += (known.empty() ? "" : ", ") + name;
    throw_user("no kernel is called \"{}\"; there are {}", spec.kernel, known);
  }
  Tensors tensors(type, pool);
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

double tolerance(double sum_length) { return 4 * std::numeric_limits<float>::epsilon() * std::sqrt(sum_length); }

std::string compare_kernels(const CaseSpec& spec, Kernels& kernels, Kernels& reference, MemoryPool& pool) {
  const KernelCase tried = make_case(spec, DType::f32, pool);
  const KernelCase judge = make_case(spec, DType::f32, pool);
  tried.prepare(kernels);
  tried.run(kernels);
  judge.prepare(reference);
  judge.run(reference);
  for (size_t i = 0; i < tried.outputs.size(); ++i) {
    double error = 0;
    double norm = 0;
    for (int64_t j = 0; j < tried.outputs[i].tensor.num_elements(); ++j) {
      const double expected = judge.outputs[i].tensor.data<float>()[j];
      const double difference = tried.outputs[i].tensor.data<float>()[j] - expected;
      error += difference * difference;
      norm += expected * expected;
    }
    const double allowed = tolerance(tried.sum_length) * std::sqrt(norm);
    if (std::sqrt(error) <= allowed) continue;
    return fmt::format("{} is off by {:.3g} in norm, {:.3g} allowed", tried.outputs[i].name, std::sqrt(error), allowed);
  }
  return "";
}

std::string compare_bits(const CaseSpec& spec, Kernels& first, Kernels& second, MemoryPool& pool) {
  const KernelCase a = make_case(spec, DType::f32, pool);
  const KernelCase b = make_case(spec, DType::f32, pool);
  a.prepare(first);
  a.run(first);
  b.prepare(second);
  b.run(second);
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    const Tensor& left = a.outputs[i].tensor;
    const Tensor& right = b.outputs[i].tensor;
    if (std::memcmp(left.raw(), right.raw(), left.num_bytes()) == 0) continue;
    int64_t j = 0;
    while (std::memcmp(left.data<float>() + j, right.data<float>() + j, sizeof(float)) == 0) ++j;
    return fmt::format("{}[{}] is {:.9g} and {:.9g}", a.outputs[i].name, j, left.data<float>()[j],
                       right.data<float>()[j]);
  }
  return "";
}

}  // namespace kumiko
