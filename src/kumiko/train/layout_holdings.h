// What every rank of a layout holds of a training run's state, as a pure function: none of the ranks is built. A save
// of such ranks can be planned from it, and written without them.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "kumiko/checkpoint/plan.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/model/options.h"
#include "kumiko/model/parameter.h"
#include "kumiko/parallel/pipeline_plan.h"

namespace kumiko {

struct LayoutShape {
  Mesh mesh;
  int64_t zero_stage = 0;
  int64_t zero_group_size = 0;  // 0: the data axis
  std::optional<PipelinePlan> pipeline{};
};

// The boxes that each rank hands in to be saved (train/state_checkpoint.h): the parameters, and for each of
// `optimizer_states` ("first_moment") what the optimizer keeps of them. The model must be valid for the tensor axis,
// and the group size for the data axis. f32. Ranks that hold the same share a list.
Holdings layout_holdings(const ModelOptions& model, std::span<const std::string> optimizer_states,
                         const LayoutShape& layout);

// What a checkpoint calls a part's optimizer state: "optimizer.first_moment.wte.weight".
std::string optimizer_tensor_name(const std::string& state, const ParameterPart& part);

}  // namespace kumiko
