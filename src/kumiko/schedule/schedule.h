// A pipeline schedule is data: for each rank an ordered list of actions, and which rank holds which stage. Generators
// make it (generators/), one verifier, one simulator, one renderer and one executor take it. What must be sent, and
// where gradients are complete, is derived from it (lower.h), not written by generators.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/schedule/stage_placement.h"

namespace kumiko {

enum class ActionKind : uint8_t {
  forward,         // F
  backward,        // B: the gradient of the stage's input alone
  weight,          // W: the gradients of the stage's weights, from what its B left
  whole_backward,  // BW: both as one piece of work; the stage before waits for all of it
};
// "F", "B", "W", "BW"
std::string_view name_of(ActionKind kind);

struct Action {
  ActionKind kind = ActionKind::forward;
  int32_t stage = 0;
  int32_t micro_batch = 0;
  // Updates of the stage's weights since the schedule began that are in the weights which the action reads. 0
  // throughout where weights are updated after the last action only.
  int32_t weight_version = 0;

  friend bool operator==(const Action&, const Action&) = default;
};
// "F of micro-batch 3 at stage 1", "BW of micro-batch 3 at stage 1 with weights of version 2"
std::string to_string(const Action& action);

// Of most schedules; where a stage runs further ahead of the next than that, the schedule asks for more.
inline constexpr int32_t usual_message_buffers = 2;

struct Schedule {
  std::string name;
  StagePlacement placement;
  std::vector<int32_t> routes;               // of each micro-batch: its route of the placement
  std::vector<std::vector<Action>> actions;  // of each rank, in order
  // A stage's weights are updated after the backward of so many of its micro-batches; 0: once, after all of them.
  int32_t micro_batches_per_update = 0;
  // What one micro-batch of the schedule is of a micro-batch of the job (Chimera's backward halving cuts it in two).
  int32_t parts_per_micro_batch = 1;
  // Messages between two ranks that may be on their way at once, in each direction, before the sender has to wait until
  // the first has been taken.
  int32_t message_buffers = usual_message_buffers;

  int num_ranks() const { return placement.num_ranks(); }
  int num_stages() const { return placement.num_stages(); }
  int num_micro_batches() const { return static_cast<int>(routes.size()); }
  int rank_of(int stage, int micro_batch) const {
    return placement.rank_of(routes[static_cast<size_t>(micro_batch)], stage);
  }
  bool is_synchronous() const { return micro_batches_per_update == 0; }
};

// A schedule without actions, with all micro-batches on route 0.
Schedule empty_schedule(std::string name, StagePlacement placement, int num_micro_batches);

}  // namespace kumiko
