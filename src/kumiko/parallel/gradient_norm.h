// The gradient as a whole, where ranks hold parts of it.
#pragma once

#include "kumiko/base/exact_sum.h"
#include "kumiko/parallel/data_axis.h"
#include "kumiko/parallel/parameter_storage.h"
#include "kumiko/parallel/step_context.h"

namespace kumiko {

// The sum of the squares of all elements of the gradient, each logical element once; NaN or Inf if any is. Collective
// over the tensor and pipeline axes and the ranks that shards are divided among.
double squared_gradient_norm(const StepContext& step, const DataAxis& data, const ParameterStorage& storage);

// What this rank's stages add to it, over the tensor axis and the shards. Of what several ranks of the pipeline hold,
// one counts. The second in the reproducible mode, where the sum is taken exactly.
double squared_norm_of_stages(const StepContext& step, const DataAxis& data, const ParameterStorage& storage);
ExactSum exact_squared_norm_of_stages(const StepContext& step, const DataAxis& data, const ParameterStorage& storage);

}  // namespace kumiko
