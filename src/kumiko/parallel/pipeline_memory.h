// What a rank of a pipeline holds in one step, as a pure function of its plan (model/memory.h).
#pragma once

#include "kumiko/model/memory.h"
#include "kumiko/model/pipeline_part.h"
#include "kumiko/parallel/sharding.h"
#include "kumiko/schedule/lower.h"

namespace kumiko {

// The stash of all micro-batches in flight at their highest moment, messages, and parameters, gradients and optimizer
// state of the rank's stages as `sharding` divides them. With split backwards to within what dropout adds.
StepMemory pipelined_step_memory(const ModelOptions& model, const StepMemoryShape& shape, const Sharding& sharding,
                                 const PipelinePart& part, const RankProgram& program);

}  // namespace kumiko
