#include "kumiko/kernels/cases.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

// Hands out the tensors of one case: the i-th tensor of a case always holds the same numbers.
class Tensors {
 public:
  Tensors(DType type, MemoryPool& pool) : type_(type), pool_(pool) {}

  Tensor empty(Shape shape) { return Tensor::empty(pool_, shape, type_, MemoryPurpose::workspace); }

  Tensor normal(Shape shape, double deviation = 1, double mean = 0) {
    Tensor tensor = empty(shape);
    const PhiloxKey key = random_key(7, RandomStream::test, next_++);
    // Large tensors repeat their beginning: drawing all of it would take longer than the kernel.
    constexpr int64_t period = (1 << 20) - 3;
    for (int64_t i = 0; i < tensor.num_elements(); ++i) {
      if (i >= period) {
        set(tensor, i, get(tensor, i - period));
        continue;
      }
      // A sum of four uniform words: near enough to a normal, and much cheaper.
      const PhiloxCounter words = philox({static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32), 0, 0}, key);
      double sum = 0;
      for (uint32_t word : words) sum += word * 0x1p-32 - 0.5;
      set(tensor, i, mean + deviation * std::sqrt(3.0) * sum);
    }
    return tensor;
  }
  Tensor positive(Shape shape) {
    Tensor tensor = normal(shape);
    for (int64_t i = 0; i < tensor.num_elements(); ++i) set(tensor, i, std::abs(get(tensor, i)));
    return tensor;
  }
  Tensor tokens(int64_t count, int64_t vocabulary, int64_t ignored_every = 0) {
    Tensor tensor = Tensor::empty(pool_, {count}, DType::i32, MemoryPurpose::workspace);
    const PhiloxKey key = random_key(7, RandomStream::test, next_++);
    for (int64_t i = 0; i < count; ++i) {
      const auto token =
          static_cast<int32_t>(random_bits(key, static_cast<uint64_t>(i)) % static_cast<uint64_t>(vocabulary));
      tensor.data<int32_t>()[i] = ignored_every > 0 && i % ignored_every == 1 ? -1 : token;
    }
    return tensor;
  }
  Tensor zeros(Shape shape) { return Tensor::zeros(pool_, shape, type_, MemoryPurpose::workspace); }

 private:
  double get(const Tensor& tensor, int64_t i) const {
    return type_ == DType::f64 ? tensor.data<double>()[i] : double{tensor.data<float>()[i]};
  }
  // Rounded to float, so that f32 and f64 cases hold the same numbers.
  void set(const Tensor& tensor, int64_t i, double value) const {
    const auto rounded = static_cast<float>(value);
    if (type_ == DType::f64) {
      tensor.data<double>()[i] = rounded;
    } else {
      tensor.data<float>()[i] = rounded;
    }
  }

  DType type_;
  MemoryPool& pool_;
  uint64_t next_ = 0;
};

constexpr double element = 4;  // bytes

Write write_of(const CaseSpec& spec) { return spec.get("accumulate") != 0 ? Write::accumulate : Write::overwrite; }

double product(std::initializer_list<int64_t> sizes) {
  double result = 1;
  for (int64_t size : sizes) result *= static_cast<double>(size);
  return result;
}

KernelCase linear_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t rows = spec.get("T", 1);
  const int64_t outputs = spec.get("N", 1);
  const int64_t inputs = spec.get("K", 1);
  const Write write = write_of(spec);
  KernelCase made;
  made.flops = 2 * product({rows, outputs, inputs});
  made.bytes = element * (product({rows, outputs}) + product({rows, inputs}) + product({outputs, inputs}));
  const Tensor x = tensors.normal({rows, inputs});
  const Tensor y = tensors.normal({rows, outputs});
  const Tensor weight = tensors.normal({outputs, inputs}, 1 / std::sqrt(static_cast<double>(inputs)));
  const Tensor bias = spec.get("bias", 1) != 0 ? tensors.normal({outputs}) : Tensor{};
  if (spec.kernel == "linear_backward_weight") {
    made.sum_length = static_cast<double>(rows);
    made.outputs = {{"dweight", weight}};
    if (bias) made.outputs.push_back({"dbias", bias});
    made.run = [=](Kernels& kernels) { kernels.linear_backward_weight(x, y, weight, bias); };
    return made;
  }
  auto prepared = std::make_shared<std::unique_ptr<PreparedWeight>>();
  made.prepare = [=](Kernels& kernels) { *prepared = kernels.prepare_weight(weight, nullptr); };
  if (spec.kernel == "linear_forward") {
    made.sum_length = static_cast<double>(inputs);
    made.outputs = {{"y", y}};
    made.run = [=](Kernels& kernels) { kernels.linear_forward(x, **prepared, bias, y, write); };
  } else {
    made.sum_length = static_cast<double>(outputs);
    made.outputs = {{"dx", x}};
    made.run = [=](Kernels& kernels) { kernels.linear_backward_input(y, **prepared, x, write); };
  }
  return made;
}

// fused=1: q, k and v are the columns of one projection [B, S, 3, A, D], as in GPT-2.
KernelCase attention_case(const CaseSpec& spec, Tensors& tensors) {
  AttentionShape shape;
  shape.batch = spec.get("B", 1);
  shape.num_queries = spec.get("Sq", 1);
  shape.num_keys = spec.get("Sk", shape.num_queries);
  shape.num_heads = spec.get("A", 1);
  shape.num_kv_heads = spec.get("Akv", shape.num_heads);
  shape.head_size = spec.get("D", 1);
  shape.causal = spec.get("causal", 1) != 0;
  shape.scale = 1 / std::sqrt(static_cast<double>(shape.head_size));
  shape.mask.probability = static_cast<double>(spec.get("dropout_percent")) / 100;
  shape.mask.key = random_key(3, RandomStream::dropout, 5);
  shape.mask.num_columns = shape.num_keys;
  shape.first_batch = 3;
  shape.first_head = 1;
  shape.num_heads_global = shape.num_heads + 2;

  const int64_t query_width = shape.num_heads * shape.head_size;
  const int64_t key_width = shape.num_kv_heads * shape.head_size;
  const bool fused = spec.get("fused") != 0;
  struct Views {
    HeadsView q, k, v;
    Tensor owner;
  };
  const auto make_views = [&] {
    Views views;
    if (fused) {
      const int64_t width = query_width + 2 * key_width;
      views.owner = tensors.normal({shape.batch, shape.num_queries, width});
      const int64_t stride = shape.num_queries * width;
      views.q = {views.owner, 0, stride, width};
      views.k = {views.owner, query_width, stride, width};
      views.v = {views.owner, query_width + key_width, stride, width};
      return views;
    }
    views.q = {tensors.normal({shape.batch, shape.num_queries, query_width}), 0, shape.num_queries * query_width,
               query_width};
    views.k = {tensors.normal({shape.batch, shape.num_keys, key_width}), 0, shape.num_keys * key_width, key_width};
    views.v = {tensors.normal({shape.batch, shape.num_keys, key_width}), 0, shape.num_keys * key_width, key_width};
    return views;
  };
  const auto make_rows = [&](const Tensor& tensor) {
    return HeadsView{tensor, 0, shape.num_queries * query_width, query_width};
  };
  const Views in = make_views();
  const HeadsView out = make_rows(tensors.empty({shape.batch, shape.num_queries, query_width}));
  const Tensor lse = tensors.empty({shape.batch, shape.num_heads, shape.num_queries});
  const auto forward = [=](Kernels& kernels) { kernels.attention_forward(shape, in.q, in.k, in.v, out, lse); };

  const double visible = shape.causal ? product({shape.num_queries, shape.num_keys}) -
                                            product({shape.num_queries, shape.num_queries - 1}) / 2
                                      : product({shape.num_queries, shape.num_keys});
  const double one_product = 2 * visible * product({shape.batch, shape.num_heads, shape.head_size});
  KernelCase made;
  made.sum_length = static_cast<double>(shape.num_keys + shape.head_size);
  const double in_bytes = element * product({shape.batch, shape.num_queries + shape.num_keys, query_width + key_width});
  if (spec.kernel == "attention_forward") {
    made.flops = 2 * one_product;
    made.bytes = in_bytes;
    made.outputs = {{"out", out.tensor}, {"log_sum_exp", lse}};
    made.run = forward;
    return made;
  }
  const HeadsView dout = make_rows(tensors.normal({shape.batch, shape.num_queries, query_width}));
  const Views gradient = make_views();
  made.flops = 5 * one_product;
  made.bytes = 2 * in_bytes;
  made.prepare = forward;
  made.outputs = {{"dq", gradient.q.tensor}, {"dk", gradient.k.tensor}, {"dv", gradient.v.tensor}};
  made.run = [=](Kernels& kernels) {
    kernels.attention_backward(shape, in.q, in.k, in.v, out, lse, dout, gradient.q, gradient.k, gradient.v);
  };
  return made;
}

KernelCase layer_norm_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t rows = spec.get("T", 1);
  const int64_t size = spec.get("H", 1);
  const Write write = write_of(spec);
  const Tensor x = tensors.normal({rows, size}, 2, 3);
  const Tensor gamma = tensors.normal({size}, 0.2, 1);
  const Tensor beta = tensors.normal({size});
  const Tensor y = tensors.empty({rows, size});
  const Tensor mean = tensors.empty({rows});
  const Tensor rstd = tensors.empty({rows});
  const auto forward = [=](Kernels& kernels) { kernels.layer_norm_forward(x, gamma, beta, 1e-5, y, mean, rstd); };
  KernelCase made;
  made.sum_length = static_cast<double>(size);
  if (spec.kernel == "layer_norm_forward") {
    made.bytes = element * 2 * product({rows, size});
    made.outputs = {{"y", y}, {"mean", mean}, {"rstd", rstd}};
    made.run = forward;
    return made;
  }
  const Tensor dy = tensors.normal({rows, size});
  const Tensor dx = tensors.normal({rows, size});
  const Tensor dgamma = tensors.normal({size});
  const Tensor dbeta = tensors.normal({size});
  made.sum_length = static_cast<double>(rows + size);
  made.bytes = element * (write == Write::accumulate ? 4 : 3) * product({rows, size});
  made.prepare = forward;
  made.outputs = {{"dx", dx}, {"dgamma", dgamma}, {"dbeta", dbeta}};
  made.run = [=](Kernels& kernels) { kernels.layer_norm_backward(dy, x, gamma, mean, rstd, dx, write, dgamma, dbeta); };
  return made;
}

KernelCase gelu_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t count = spec.get("elements", 1);
  const Tensor x = tensors.normal({count}, 2);
  const Tensor y = tensors.normal({count});
  KernelCase made;
  made.sum_length = 4;
  made.outputs = {{spec.kernel == "gelu_forward" ? "y" : "dx", y}};
  if (spec.kernel == "gelu_forward") {
    made.bytes = element * 2 * product({count});
    made.run = [=](Kernels& kernels) { kernels.gelu_forward(x, y); };
  } else {
    made.bytes = element * 3 * product({count});
    made.run = [=](Kernels& kernels) { kernels.gelu_backward(x, y, y); };
  }
  return made;
}

KernelCase embedding_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t batch = spec.get("B", 1);
  const int64_t sequence = spec.get("S", 1);
  const int64_t vocabulary = spec.get("V", 1);
  const int64_t size = spec.get("H", 1);
  const int64_t first = spec.get("first_token");
  const Tensor tokens = tensors.tokens(batch * sequence, vocabulary + 2 * first);
  const Tensor table = tensors.normal({vocabulary, size});
  const Tensor positions = spec.get("positions", 1) != 0 ? tensors.normal({sequence + 2, size}) : Tensor{};
  const Tensor y = tensors.normal({batch, sequence, size});
  KernelCase made;
  if (spec.kernel == "embedding_forward") {
    made.bytes = element * 2 * product({batch, sequence, size});
    made.outputs = {{"y", y}};
    made.run = [=](Kernels& kernels) { kernels.embedding_forward(tokens, sequence, 2, first, table, positions, y); };
    return made;
  }
  made.sum_length = static_cast<double>(batch * sequence);
  made.bytes = element * 4 * product({batch, sequence, size});
  made.outputs = {{"dtoken_table", table}};
  if (positions) made.outputs.push_back({"dposition_table", positions});
  made.run = [=](Kernels& kernels) { kernels.embedding_backward(tokens, sequence, 2, first, y, table, positions); };
  return made;
}

KernelCase cross_entropy_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t rows = spec.get("T", 1);
  const int64_t columns = spec.get("V", 1);
  const int64_t valid = columns - spec.get("padding");
  const int64_t first = spec.get("first_token");
  const Tensor logits = tensors.normal({rows, columns}, 3);
  const Tensor targets = tensors.tokens(rows, valid + 2 * first, 5);
  const Tensor max = tensors.empty({rows});
  const Tensor sum = tensors.empty({rows});
  const Tensor target_logit = tensors.empty({rows});
  const auto statistics = [=](Kernels& kernels) {
    kernels.cross_entropy_statistics(logits, targets, first, valid, max, sum, target_logit);
  };
  KernelCase made;
  made.sum_length = static_cast<double>(valid);
  if (spec.kernel == "cross_entropy_statistics") {
    made.bytes = element * product({rows, columns});
    made.outputs = {{"max", max}, {"sum", sum}, {"target_logit", target_logit}};
    made.run = statistics;
    return made;
  }
  made.bytes = element * 2 * product({rows, columns});
  made.prepare = statistics;
  made.outputs = {{"logits", logits}};
  made.run = [=](Kernels& kernels) {
    kernels.cross_entropy_gradient(logits, targets, first, valid, max, sum, 1.0 / static_cast<double>(rows));
  };
  return made;
}

KernelCase dropout_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t rows = spec.get("T", 1);
  const int64_t columns = spec.get("H", 1);
  DropoutMask mask;
  mask.probability = static_cast<double>(spec.get("dropout_percent", 10)) / 100;
  mask.key = random_key(11, RandomStream::dropout, 2);
  mask.first_row = spec.get("first_row");
  mask.first_column = spec.get("first_column");
  mask.num_columns = columns + spec.get("first_column") + spec.get("more_columns");
  const Write write = write_of(spec);
  const Tensor x = tensors.normal({rows, columns});
  const Tensor y = tensors.normal({rows, columns});
  KernelCase made;
  made.sum_length = 0;  // exact: one product, at most one sum
  made.bytes = element * (write == Write::accumulate ? 3 : 2) * product({rows, columns});
  made.outputs = {{"y", y}};
  made.run = [=](Kernels& kernels) { kernels.dropout(mask, x, y, write); };
  return made;
}

KernelCase elementwise_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t count = spec.get("elements", 1);
  const Tensor x = tensors.normal({count});
  const Tensor y = tensors.normal({count});
  KernelCase made;
  if (spec.kernel == "add") {
    made.sum_length = 0;
    made.bytes = element * 3 * product({count});
    made.outputs = {{"y", y}};
    made.run = [=](Kernels& kernels) { kernels.add(x, y); };
  } else if (spec.kernel == "scale") {
    made.sum_length = 0;
    made.bytes = element * 2 * product({count});
    made.outputs = {{"x", x}};
    made.run = [=](Kernels& kernels) { kernels.scale(x, 0.75); };
  } else {
    const Tensor result = tensors.zeros({1});
    made.bytes = element * product({count});
    made.outputs = {{"sum", result}};
    made.run = [=](Kernels& kernels) {
      const double sum = kernels.sum_of_squares(x);
      if (result.dtype() == DType::f64) {
        result.data<double>()[0] = sum;
      } else {
        result.data<float>()[0] = static_cast<float>(sum);
      }
    };
  }
  return made;
}

KernelCase optimizer_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t count = spec.get("elements", 1);
  const Tensor weight = tensors.normal({count});
  const Tensor gradient = tensors.normal({count}, 0.01);
  const Tensor first = tensors.normal({count}, 0.01);
  KernelCase made;
  made.sum_length = 4;
  if (spec.kernel == "sgd") {
    const bool momentum = spec.get("momentum", 1) != 0;
    const Tensor velocity = momentum ? first : Tensor{};
    made.bytes = element * (momentum ? 5 : 3) * product({count});
    made.outputs = {{"weight", weight}};
    if (momentum) made.outputs.push_back({"velocity", velocity});
    made.run = [=](Kernels& kernels) { kernels.sgd(0.1, momentum ? 0.9 : 0, 0.01, 0.5, weight, gradient, velocity); };
    return made;
  }
  const Tensor second = tensors.positive({count});
  AdamWConstants constants;
  constants.lr = 1e-2;
  constants.weight_decay = 0.1;
  constants.step = 3;
  constants.gradient_scale = 0.5;
  made.bytes = element * 7 * product({count});
  made.outputs = {{"weight", weight}, {"first_moment", first}, {"second_moment", second}};
  made.run = [=](Kernels& kernels) { kernels.adamw(constants, weight, gradient, first, second); };
  return made;
}

using Maker = KernelCase (*)(const CaseSpec&, Tensors&);

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> table = {
      {"linear_forward", linear_case},
      {"linear_backward_input", linear_case},
      {"linear_backward_weight", linear_case},
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
