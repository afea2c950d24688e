// What every rank of a layout holds of a training run's state, as a pure function: none of the ranks is built. A save
// of such ranks can be planned from it, and written without them.
#pragma once

#include <span>
#include <string>

#include "kumiko/checkpoint/plan.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/model/options.h"
#include "kumiko/model/parameter.h"

namespace kumiko {

// The boxes of pieces_of (train/state_checkpoint.h) for each rank of `mesh`: the parameters, and for each of
// `optimizer_states` ("first_moment") what the optimizer keeps of them. `model` must be valid for the mesh's tensor
// axis. f32.
//
// Ranks that differ only along the data axis hold the same. Where what they hold is sharded, each gets a list of its
// own here: its runs of the units' memory, as boxes (mesh/box_run.h).
Holdings layout_holdings(const ModelOptions& model, std::span<const std::string> optimizer_states, const Mesh& mesh);

// What a checkpoint calls a part's optimizer state: "optimizer.first_moment.wte.weight".
std::string optimizer_tensor_name(const std::string& state, const ParameterPart& part);

}  // namespace kumiko
