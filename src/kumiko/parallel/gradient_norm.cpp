#include "kumiko/parallel/gradient_norm.h"

#include "kumiko/parallel/exact_reduce.h"
#include "kumiko/parallel/pipeline.h"

namespace kumiko {

// Of a parameter that several ranks of the pipeline hold, one counts.
static bool counts(const ParameterStorage& storage, const OwnedFragment& owned) {
  return storage.parameters().all()[owned.fragment.parameter]->primary;
}

static Communicator* stages_of(const StepContext& step) {
  return step.pipeline == nullptr ? nullptr : step.pipeline->ranks.get();
}

static double sum_over(Communicator& ranks, double value, MemoryPool& pool) {
  const Tensor total = Tensor::empty(pool, {1}, DType::f64, MemoryPurpose::communication);
  *total.data<double>() = value;
  ranks.all_reduce(total, ReduceOp::sum, "gradient norm").wait();
  return *total.data<double>();
}

// Of ranks that hold the same, the first counts.
ExactSum exact_squared_norm_of_stages(const StepContext& step, const DataAxis& data, const ParameterStorage& storage) {
  const int64_t rank = storage.parameters().tensor_parallel().rank;
  ExactSum sum;
  for (const OwnedFragment& owned : storage.owned()) {
    if (!counts(storage, owned)) continue;
    for (const PartRun& run : part_runs(storage.parameters(), owned.fragment)) {
      if (rank % run.part->holders != 0) continue;
      step.kernels.add_squares(owned.gradient.slice(run.in_fragment, run.count), sum);
    }
  }
  Communicator* const shards = storage.sharding().divides_optimizer() ? &data.gradients : nullptr;
  return add_exactly(sum, {shards, step.tensor}, "gradient norm", step.pool);
}

double squared_norm_of_stages(const StepContext& step, const DataAxis& data, const ParameterStorage& storage) {
  const bool divided = storage.sharding().divides_optimizer();
  if (step.tensor == nullptr && step.pipeline == nullptr && !divided)
    return step.kernels.sum_of_squares(storage.kept_gradients());
  double sum = 0;
  for (const OwnedFragment& owned : storage.owned()) {
    if (!counts(storage, owned)) continue;
    for (const PartRun& run : part_runs(storage.parameters(), owned.fragment)) {
      sum += step.kernels.sum_of_squares(owned.gradient.slice(run.in_fragment, run.count)) /
             static_cast<double>(run.part->holders);
    }
  }
  if (divided) sum = sum_over(data.gradients, sum, step.pool);
  return step.tensor == nullptr ? sum : sum_over(*step.tensor, sum, step.pool);
}

double squared_gradient_norm(const StepContext& step, const DataAxis& data, const ParameterStorage& storage) {
  Communicator* const stages = stages_of(step);
  if (step.reproducible) {
    return sum_exactly(exact_squared_norm_of_stages(step, data, storage), {stages}, "gradient norm", step.pool);
  }
  const double sum = squared_norm_of_stages(step, data, storage);
  return stages == nullptr ? sum : sum_over(*stages, sum, step.pool);
}

}  // namespace kumiko
