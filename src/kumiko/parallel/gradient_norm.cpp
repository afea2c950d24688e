#include "kumiko/parallel/gradient_norm.h"

namespace kumiko {

static Tensor gradient_of(const Parameter& parameter, const ParameterPart& part) {
  return parameter.gradient.rows(part.first_row, part.first_row + part.box.size[0]);
}

void sum_shared_gradients(Communicator& tensor, const ParameterRegistry& parameters, MemoryPool& pool) {
  for (const auto& parameter : parameters.all()) {
    for (const ParameterPart& part : parameter->parts) {
      if (!part.summed) continue;
      // The whole tensor with this rank's rows in it: rows of other heads are zeros here.
      const Tensor whole =
          Tensor::empty(pool, part.global_shape, parameter->gradient.dtype(), MemoryPurpose::communication);
      fill_zero(whole);
      const Tensor own = gradient_of(*parameter, part);
      const Tensor place = whole.rows(part.box.offset[0], part.box.offset[0] + part.box.size[0]);
      copy(own, place);
      tensor.all_reduce(whole, ReduceOp::sum, "shared gradients").wait();
      copy(place, own);
    }
  }
}

double squared_gradient_norm(Communicator* tensor, Kernels& kernels, const ParameterRegistry& parameters,
                             MemoryPool& pool) {
  if (tensor == nullptr) return kernels.sum_of_squares(parameters.gradients());
  double sum = 0;
  for (const auto& parameter : parameters.all()) {
    for (const ParameterPart& part : parameter->parts) {
      sum += kernels.sum_of_squares(gradient_of(*parameter, part)) / static_cast<double>(part.holders);
    }
  }
  const Tensor total = Tensor::empty(pool, {1}, DType::f64, MemoryPurpose::communication);
  *total.data<double>() = sum;
  tensor->all_reduce(total, ReduceOp::sum, "gradient norm").wait();
  return *total.data<double>();
}

}  // namespace kumiko
