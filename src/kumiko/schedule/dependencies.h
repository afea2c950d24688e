// Which actions hand work to which: what lowering, verification and simulation derive from the lists of actions.
#pragma once

#include "kumiko/schedule/schedule.h"

namespace kumiko {

inline constexpr int no_stage = -1;

// B and BW: they make the gradient of the stage's input, which the stage before takes.
inline bool makes_input_gradient(ActionKind kind) {
  return kind == ActionKind::backward || kind == ActionKind::whole_backward;
}

// W and BW: they add to the gradients of the stage's weights and let go of the activations.
inline bool makes_weight_gradient(ActionKind kind) {
  return kind == ActionKind::weight || kind == ActionKind::whole_backward;
}

// The stage whose action on the same micro-batch hands this one its input: the one before for F, the one behind for B
// and BW. no_stage for W and at the ends of the pipeline.
inline int input_stage(const Action& action, int num_stages) {
  if (action.kind == ActionKind::forward) return action.stage - 1;
  return makes_input_gradient(action.kind) && action.stage + 1 < num_stages ? action.stage + 1 : no_stage;
}

// The stage whose action takes what this one makes.
inline int output_stage(const Action& action, int num_stages) {
  if (makes_input_gradient(action.kind)) return action.stage - 1;
  return action.kind == ActionKind::forward && action.stage + 1 < num_stages ? action.stage + 1 : no_stage;
}

}  // namespace kumiko
