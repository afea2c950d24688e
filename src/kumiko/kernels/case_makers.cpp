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
  const Tensor lse = tensors.empty_parameter({shape.batch, shape.num_heads, shape.num_queries});
  const auto forward = [=](Kernels& kernels) { kernels.attention_forward(shape, in.q, in.k, in.v, out, lse); };

  const double visible = shape.causal ? product({shape.num_queries, shape.num_keys}) -
                                            product({shape.num_queries, shape.num_queries - 1}) / 2
                                      : product({shape.num_queries, shape.num_keys});
  const double one_product = 2 * visible * product({shape.batch, shape.num_heads, shape.head_size});
  KernelCase made;
  made.sum_length = static_cast<double>(shape.num_keys + shape.head_size);
  const double in_bytes =
      tensors.element_bytes() * product({shape.batch, shape.num_queries + shape.num_keys, query_width + key_width});
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
  KernelCase made;
  if (spec.kernel == "embedding_forward") {
    made.bytes = tensors.element_bytes() * 2 * product({batch, sequence, size});
    made.outputs = {{"y", y}};
    made.run = [=](Kernels& kernels) { kernels.embedding_forward(tokens, sequence, 2, first, table, positions, y); };
    return made;
  }
  made.sum_length = static_cast<double>(batch * sequence);
  made.bytes = tensors.element_bytes() * 4 * product({batch, sequence, size});
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
    made.bytes = element * product({count});
    made.outputs = {{"sum", result}};
    made.run = [=](Kernels& kernels) { set_element(result, 0, kernels.sum_of_squares(values)); };
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
