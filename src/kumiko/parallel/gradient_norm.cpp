#include "kumiko/parallel/gradient_norm.h"

namespace kumiko {

static Tensor gradient_of(const Parameter& parameter, const ParameterPart& part) {
  return parameter.gradient.rows(part.first_row, part.first_row + part.box.size[0]);
}

// Visits the gradients that are shared, and where they begin when the whole tensors lie one after another.
template <class Visit>
static void for_each_shared(const ParameterRegistry& parameters, Visit visit) {
  int64_t begin = 0;
  for (const auto& parameter : parameters.all()) {
    for (const ParameterPart& part : parameter->parts) {
      if (!part.summed) continue;
      const Tensor own = gradient_of(*parameter, part);
      visit(own, begin + part.box.offset[0] * (own.num_elements() / part.box.size[0]));
      begin += part.global_shape.num_elements();
    }
  }
}

void sum_shared_gradients(Communicator& tensor, const ParameterRegistry& parameters, MemoryPool& pool) {
  const int64_t count = parameters.num_shared_elements();
  if (count == 0) return;
  // Each tensor whole with this rank's rows in it: rows of other heads are zeros here.
  const Tensor shared = Tensor::zeros(pool, {count}, parameters.gradients().dtype(), MemoryPurpose::communication);
  const auto place = [&](const Tensor& own, int64_t begin) {
    return shared.slice(begin, own.num_elements()).reshaped(own.shape());
  };
  for_each_shared(parameters, [&](const Tensor& own, int64_t begin) { copy(own, place(own, begin)); });
  tensor.all_reduce(shared, ReduceOp::sum, "shared gradients").wait();
  for_each_shared(parameters, [&](const Tensor& own, int64_t begin) { copy(place(own, begin), own); });
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
