// Cases of norms, activations and position.
#include <cmath>

#include "kumiko/kernels/case_makers.h"

namespace kumiko::case_makers {

KernelCase layer_norm_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t rows = spec.get("T", 1);
  const int64_t size = spec.get("H", 1);
  const Write write = write_of(spec);
  const Tensor x = tensors.normal({rows, size}, 2, 3);
  const Tensor gamma = tensors.parameter({size}, 0.2, 1);
  const Tensor beta = tensors.parameter({size});
  const Tensor y = tensors.empty({rows, size});
  const Tensor mean = tensors.empty_parameter({rows});
  const Tensor rstd = tensors.empty_parameter({rows});
  const auto forward = [=](Kernels& kernels) { kernels.layer_norm_forward(x, gamma, beta, 1e-5, y, mean, rstd); };
  KernelCase made;
  made.sum_length = static_cast<double>(size);
  if (spec.kernel == "layer_norm_forward") {
    made.bytes = tensors.element_bytes() * 2 * product({rows, size});
    made.outputs = {{"y", y}, {"mean", mean}, {"rstd", rstd}};
    made.run = forward;
    return made;
  }
  const Tensor dy = tensors.normal({rows, size});
  const Tensor dx = tensors.normal({rows, size});
  const Tensor dgamma = tensors.parameter({size});
  const Tensor dbeta = tensors.parameter({size});
  made.sum_length = static_cast<double>(rows + size);
  made.bytes = tensors.element_bytes() * (write == Write::accumulate ? 4 : 3) * product({rows, size});
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
    made.bytes = tensors.element_bytes() * 2 * product({count});
    made.run = [=](Kernels& kernels) { kernels.gelu_forward(x, y); };
  } else {
    made.bytes = tensors.element_bytes() * 3 * product({count});
    made.run = [=](Kernels& kernels) { kernels.gelu_backward(x, y, y); };
  }
  return made;
}

KernelCase rms_norm_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t rows = spec.get("T", 1);
  const int64_t size = spec.get("H", 1);
  const Write write = write_of(spec);
  const Tensor x = tensors.normal({rows, size}, 2, 1);
  const Tensor gamma = tensors.parameter({size}, 0.2, 1);
  const Tensor y = tensors.empty({rows, size});
  const Tensor rstd = tensors.empty_parameter({rows});
  const auto forward = [=](Kernels& kernels) { kernels.rms_norm_forward(x, gamma, 1e-5, y, rstd); };
  KernelCase made;
  made.sum_length = static_cast<double>(size);
  if (spec.kernel == "rms_norm_forward") {
    made.bytes = tensors.element_bytes() * 2 * product({rows, size});
    made.outputs = {{"y", y}, {"rstd", rstd}};
    made.run = forward;
    return made;
  }
  const Tensor dy = tensors.normal({rows, size});
  const Tensor dx = tensors.normal({rows, size});
  const Tensor dgamma = tensors.parameter({size});
  made.sum_length = static_cast<double>(rows + size);
  made.bytes = tensors.element_bytes() * (write == Write::accumulate ? 4 : 3) * product({rows, size});
  made.prepare = forward;
  made.outputs = {{"dx", dx}, {"dgamma", dgamma}};
  made.run = [=](Kernels& kernels) { kernels.rms_norm_backward(dy, x, gamma, rstd, dx, write, dgamma); };
  return made;
}

KernelCase swiglu_case(const CaseSpec& spec, Tensors& tensors) {
  const int64_t rows = spec.get("T", 1);
  const int64_t size = spec.get("F", 1);
  const Tensor x = tensors.normal({rows, 2 * size}, 2);
  const Tensor y = tensors.normal({rows, size});
  KernelCase made;
  made.sum_length = 4;
  if (spec.kernel == "swiglu_forward") {
    made.bytes = tensors.element_bytes() * 3 * product({rows, size});
    made.outputs = {{"y", y}};
    made.run = [=](Kernels& kernels) { kernels.swiglu_forward(x, y); };
  } else {
    const Tensor dx = tensors.empty({rows, 2 * size});
    made.bytes = tensors.element_bytes() * 5 * product({rows, size});
    made.outputs = {{"dx", dx}};
    made.run = [=](Kernels& kernels) { kernels.swiglu_backward(x, y, dx); };
  }
  return made;
}

KernelCase rotate_case(const CaseSpec& spec, Tensors& tensors) {
  RotaryShape shape;
  shape.batch = spec.get("B", 1);
  shape.num_rows = spec.get("S", 1);
  shape.num_heads = spec.get("A", 1);
  shape.head_size = spec.get("D", 2);
  shape.first_position = spec.get("first_position");
  const bool inverse = spec.get("inverse") != 0;
  // The heads are the last columns of wider rows.
  const int64_t before = spec.get("before");
  const int64_t width = before + shape.num_heads * shape.head_size;
  const Tensor x = tensors.normal({shape.batch, shape.num_rows, width});
  const Shape table{shape.first_position + shape.num_rows, shape.head_size / 2};
  const Tensor cosine = tensors.parameter(table);
  const Tensor sine = tensors.parameter(table);
  KernelCase made;
  made.sum_length = 2;
  made.bytes = tensors.element_bytes() * 2 * product({shape.batch, shape.num_rows, shape.num_heads, shape.head_size});
  made.outputs = {{"x", x}};
  made.run = [=](Kernels& kernels) {
    kernels.rotate(shape, {x, before, shape.num_rows * width, width}, cosine, sine, inverse);
  };
  return made;
}

}  // namespace kumiko::case_makers
