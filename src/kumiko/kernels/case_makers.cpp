#include "kumiko/kernels/case_makers.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kumiko::case_makers {

Tensor Tensors::filled(Tensor tensor, DType rounded_to, double deviation, double mean) {
  const Tensor rounded = Tensor::empty(pool_, {1}, rounded_to, MemoryPurpose::workspace);
  const PhiloxKey key = random_key(7, RandomStream::test, next_++);
  // Large tensors repeat their beginning: drawing all of it would take longer than the kernel.
  constexpr int64_t period = (1 << 20) - 3;
  const int64_t drawn = std::min(period, tensor.num_elements());
  for (int64_t i = 0; i < drawn; ++i) {
    // A sum of four uniform words: near enough to a normal, and much cheaper.
    const PhiloxCounter words = philox({static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32), 0, 0}, key);
    double sum = 0;
    for (uint32_t word : words) sum += word * 0x1p-32 - 0.5;
    set_element(rounded, 0, mean + deviation * std::sqrt(3.0) * sum);
    set_element(tensor, i, element_at(rounded, 0));
  }
  for (int64_t i = drawn; i < tensor.num_elements(); i += period) {
    const int64_t count = std::min(period, tensor.num_elements() - i);
    const auto bytes = [&](int64_t elements) { return static_cast<size_t>(elements) * size_of(tensor.dtype()); };
    std::memcpy(static_cast<char*>(tensor.raw()) + bytes(i), tensor.raw(), bytes(count));
  }
  return tensor;
}

KernelCase linear_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t rows = spec.get("T", 1);
  const int64_t outputs = spec.get("N", 1);
  const int64_t inputs = spec.get("K", 1);
  const Write write = write_of(spec);
  KernelCase made;
  made.flops = 2 * product({rows, outputs, inputs});
  made.bytes = tensors.element_bytes() * (product({rows, outputs}) + product({rows, inputs})) +
               element * product({outputs, inputs});
  const Tensor x = tensors.normal({rows, inputs});
  const Tensor y = tensors.normal({rows, outputs});
  const Tensor weight = tensors.parameter({outputs, inputs}, 1 / std::sqrt(static_cast<double>(inputs)));
  const Tensor bias = spec.get("bias", 1) != 0 ? tensors.parameter({outputs}) : Tensor{};
  const auto made_of = [&](const char* output, const Tensor& tensor, int64_t sum_length) {
    made.outputs.push_back({output, tensor});
    made.sum_length = static_cast<double>(sum_length);
  };
  if (spec.kernel == "linear_backward_weight" || spec.kernel == "linear_gelu_backward_weight") {
    made_of("dweight", weight, rows);
    if (bias) made_of("dbias", bias, rows);
    if (spec.kernel == "linear_backward_weight") {
      made.run = [=](Kernels& kernels) { kernels.linear_backward_weight(x, y, weight, bias); };
    } else {
      made.run = [=](Kernels& kernels) { kernels.linear_gelu_backward_weight(x, y, weight, bias); };
    }
    return made;
  }
  auto prepared = std::make_shared<std::unique_ptr<PreparedWeight>>();
  made.prepare = [=](Kernels& kernels) { *prepared = kernels.prepare_weight(weight, nullptr); };
  if (spec.kernel == "linear_forward") {
    made_of("y", y, inputs);
    made.run = [=](Kernels& kernels) { kernels.linear_forward(x, **prepared, bias, y, write); };
  } else if (spec.kernel == "linear_gelu_forward") {
    const Tensor pre = tensors.normal({rows, outputs});
    made_of("pre", pre, inputs);
    made_of("y", y, inputs);
    made.run = [=](Kernels& kernels) { kernels.linear_gelu_forward(x, **prepared, bias, pre, y); };
  } else if (spec.kernel == "linear_gelu_backward_input") {
    const Tensor pre = tensors.normal({rows, inputs});
    made_of("dpre", x, outputs);
    made.run = [=](Kernels& kernels) { kernels.linear_gelu_backward_input(y, **prepared, pre, x); };
  } else {
    made_of("dx", x, outputs);
    made.run = [=](Kernels& kernels) { kernels.linear_backward_input(y, **prepared, x, write); };
  }
  return made;
}

// `count` terms from `first_term` of `terms` on, with x's columns from `first_column` of `columns` on.
KernelCase linear_terms_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t rows = spec.get("T", 1);
  const int64_t results = spec.get("N", 1);
  const ProductTerms terms{spec.get("first_column"), spec.get("first_term"), spec.get("count", 1)};
  const int64_t num_terms = spec.get("terms", terms.first_term + terms.count);
  const bool forward = spec.kernel == "linear_forward_terms";
  const Write write = write_of(spec);
  const Tensor x = tensors.normal({rows, spec.get("columns", terms.first_column + terms.count)});
  const Tensor y = tensors.normal({rows, results});
  const Tensor weight = tensors.parameter(forward ? Shape{results, num_terms} : Shape{num_terms, results});
  const Tensor bias = forward && spec.get("bias", 1) != 0 ? tensors.parameter({results}) : Tensor{};
  auto prepared = std::make_shared<std::unique_ptr<PreparedWeight>>();
  KernelCase made;
  made.flops = 2 * product({rows, results, terms.count});
  made.bytes =
      tensors.element_bytes() * product({rows, results + terms.count}) + element * product({results, terms.count});
  made.sum_length = static_cast<double>(terms.count);
  made.outputs = {{forward ? "y" : "dx", y}};
  made.prepare = [=](Kernels& kernels) { *prepared = kernels.prepare_weight(weight, nullptr); };
  made.run = [=](Kernels& kernels) {
    if (forward) return kernels.linear_forward_terms(x, **prepared, terms, bias, y, write);
    kernels.linear_backward_input_terms(x, **prepared, terms, y, write);
  };
  return made;
}

KernelCase embedding_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t batch = spec.get("B", 1);
  const int64_t sequence = spec.get("S", 1);
  const int64_t vocabulary = spec.get("V", 1);
  const int64_t size = spec.get("H", 1);
  const int64_t first = spec.get("first_token");
  const Tensor tokens = tensors.tokens(batch * sequence, vocabulary + 2 * first);
  const Tensor table = tensors.parameter({vocabulary, size});
  const Tensor positions = spec.get("positions", 1) != 0 ? tensors.parameter({sequence + 2, size}) : Tensor{};
  const Tensor y = tensors.normal({batch, sequence, size});
  TokenPlaces places{sequence, 2, {}};
  if (spec.get("own_positions") != 0) places.positions = tensors.tokens(batch * sequence, sequence + 2);
  KernelCase made;
  if (spec.kernel == "embedding_forward") {
    made.bytes = tensors.element_bytes() * 2 * product({batch, sequence, size});
    made.outputs = {{"y", y}};
    made.run = [=](Kernels& kernels) { kernels.embedding_forward(tokens, places, first, table, positions, y); };
    return made;
  }
  made.sum_length = static_cast<double>(batch * sequence);
  made.bytes = tensors.element_bytes() * 4 * product({batch, sequence, size});
  made.outputs = {{"dtoken_table", table}};
  if (positions) made.outputs.push_back({"dposition_table", positions});
  made.run = [=](Kernels& kernels) { kernels.embedding_backward(tokens, places, first, y, table, positions); };
  return made;
}

KernelCase cross_entropy_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t rows = spec.get("T", 1);
  const int64_t columns = spec.get("V", 1);
  const int64_t valid = columns - spec.get("padding");
  const int64_t first = spec.get("first_token");
  const Tensor logits = tensors.normal({rows, columns}, 3);
  const Tensor targets = tensors.tokens(rows, valid + 2 * first, 5);
  const Tensor max = tensors.empty_parameter({rows});
  const Tensor sum = tensors.empty_parameter({rows});
  const Tensor target_logit = tensors.empty_parameter({rows});
  const auto statistics = [=](Kernels& kernels) {
    kernels.cross_entropy_statistics(logits, targets, first, valid, max, sum, target_logit);
  };
  KernelCase made;
  made.sum_length = static_cast<double>(valid);
  if (spec.kernel == "cross_entropy_statistics") {
    made.bytes = tensors.element_bytes() * product({rows, columns});
    made.outputs = {{"max", max}, {"sum", sum}, {"target_logit", target_logit}};
    made.run = statistics;
    return made;
  }
  made.bytes = tensors.element_bytes() * 2 * product({rows, columns});
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
  made.bytes = tensors.element_bytes() * (write == Write::accumulate ? 3 : 2) * product({rows, columns});
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
    made.bytes = tensors.element_bytes() * 3 * product({count});
    made.outputs = {{"y", y}};
    made.run = [=](Kernels& kernels) { kernels.add(x, y); };
  } else if (spec.kernel == "scale") {
    made.sum_length = 0;
    made.bytes = tensors.element_bytes() * 2 * product({count});
    made.outputs = {{"x", x}};
    made.run = [=](Kernels& kernels) { kernels.scale(x, 0.75); };
  } else {
    const Tensor values = tensors.parameter({count});
    const Tensor result = tensors.empty_parameter({1});
    const bool exact = spec.kernel == "add_squares";
    made.bytes = element * product({count});
    made.outputs = {{"sum", result}};
    made.run = [=](Kernels& kernels) {
      ExactSum sum;
      if (exact) kernels.add_squares(values, sum);
      set_element(result, 0, exact ? sum.value() : kernels.sum_of_squares(values));
    };
  }
  return made;
}

KernelCase optimizer_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t count = spec.get("elements", 1);
  const Tensor weight = tensors.parameter({count});
  const Tensor gradient = tensors.parameter({count}, 0.01);
  const Tensor first = tensors.parameter({count}, 0.01);
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
  const Tensor second = tensors.positive_parameter({count});
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

}  // namespace kumiko::case_makers
