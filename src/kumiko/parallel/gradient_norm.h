// The gradient as a whole, where ranks hold parts of it.
#pragma once

#include "kumiko/parallel/data_axis.h"
#include "kumiko/parallel/parameter_storage.h"
#include "kumiko/parallel/step_context.h"

namespace kumiko {

// The sum of the squares of all elements of the gradient, each logical element once; NaN or Inf if any is. Collective
// over the tensor and pipeline axes and the ranks that shards are divided among.
double squared_gradient_norm(const StepContext& step, const DataAxis& data, const ParameterStorage& storage);

}  // namespace kumiko
