#include "kumiko/parallel/gradient_norm.h"

namespace kumiko {

static double sum_over(Communicator& ranks, double value, MemoryPool& pool) {
  const Tensor total = Tensor::empty(pool, {1}, DType::f64, MemoryPurpose::communication);
  *total.data<double>() = value;
  ranks.all_reduce(total, ReduceOp::sum, "gradient norm").wait();
  return *total.data<double>();
}

double squared_gradient_norm(const StepContext& step, const DataAxis& data, const ParameterStorage& storage) {
  const bool divided = storage.sharding().divides_optimizer();
  if (step.tensor == nullptr && !divided) return step.kernels.sum_of_squares(storage.kept_gradients());
  double sum = 0;
  for (const OwnedFragment& owned : storage.owned()) {
    for (const PartRun& run : part_runs(storage.parameters(), owned.fragment)) {
      sum += step.kernels.sum_of_squares(owned.gradient.slice(run.in_fragment, run.count)) /
             static_cast<double>(run.part->holders);
    }
  }
  if (divided) sum = sum_over(data.gradients, sum, step.pool);
  return step.tensor == nullptr ? sum : sum_over(*step.tensor, sum, step.pool);
}

}  // namespace kumiko
