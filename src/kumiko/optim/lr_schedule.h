// The learning rate as a pure function of the step, equal to Megatron's OptimizerParamScheduler.
#pragma once

#include "kumiko/optim/options.h"

namespace kumiko {

// The learning rate of the step that follows `step` finished ones (so 0 for the first). `options.lr_decay_iters` must
// have been filled in.
double learning_rate(const OptimizerOptions& options, int64_t step);

}  // namespace kumiko
