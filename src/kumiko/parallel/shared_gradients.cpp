#include "kumiko/parallel/shared_gradients.h"

namespace kumiko {
namespace {

// A shared part's elements: where they begin in the unit's gradient, and where among those that travel. Parts that not
// all ranks share lie there as in the whole tensor.
struct SharedRun {
  int64_t in_unit = 0;
  int64_t among_shared = 0;
  int64_t count = 0;
};

struct SharedRuns {
  std::vector<SharedRun> runs;
  int64_t num_elements = 0;
};

SharedRuns shared_runs(const ParameterRegistry& parameters, int unit) {
  SharedRuns shared;
  int64_t start = 0;
  for (const Parameter* parameter : parameters.unit_parameters(unit)) {
    const int64_t row = parameter->shape.num_elements() / parameter->shape[0];
    for (const ParameterPart& part : parameter->parts) {
      if (!part.summed) continue;
      const bool on_all = part.holders == parameters.tensor_parallel().size;
      const int64_t place = shared.num_elements + (on_all ? 0 : part.box.offset[0] * row);
      shared.runs.push_back({start + part.first_row * row, place, part.box.num_elements()});
      shared.num_elements += on_all ? part.box.num_elements() : part.global_shape.num_elements();
    }
    start += padded_elements(parameter->shape.num_elements());
  }
  return shared;
}

}  // namespace

int64_t shared_elements(const ParameterRegistry& parameters, int unit) {
  return shared_runs(parameters, unit).num_elements;
}

Tensor take_shared(const ParameterRegistry& parameters, int unit, const Tensor& gradient, MemoryPool& pool) {
  const SharedRuns shared = shared_runs(parameters, unit);
  if (shared.runs.empty()) return {};
  const Tensor taken = Tensor::zeros(pool, {shared.num_elements}, gradient.dtype(), MemoryPurpose::communication);
  for (const SharedRun& run : shared.runs) {
    copy(gradient.slice(run.in_unit, run.count), taken.slice(run.among_shared, run.count));
  }
  return taken;
}

void put_shared(const ParameterRegistry& parameters, int unit, const Tensor& summed, const Tensor& gradient) {
  for (const SharedRun& run : shared_runs(parameters, unit).runs) {
    copy(summed.slice(run.among_shared, run.count), gradient.slice(run.in_unit, run.count));
  }
}

}  // namespace kumiko
