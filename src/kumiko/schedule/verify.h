// Whether a schedule is one: run on every schedule before it is carried out.
#pragma once

#include <vector>

#include "kumiko/schedule/schedule.h"

namespace kumiko {

struct ScheduleFacts {
  // Of each rank: the most micro-batches whose activations it holds at once, held from F until W, or BW, in
  // micro-batches of the job through a p-th of all stages (one stage of p v counts 1 / v; with `parts` parts a
  // micro-batch, 1 / (v parts)); and the most versions of one stage's weights: the newest, and those still to be read.
  std::vector<double> peak_activations;
  std::vector<int> weight_versions;
};

// Checks that each action is on the rank that its micro-batch's route says; that each micro-batch has, at each stage, F
// and then either BW, or B and then W, each once; that what each action needs from other ranks comes, without deadlock,
// with the schedule's message_buffers; that the weights an action reads exist then, that B and W read those of F, and
// that updates come in the order of micro-batches. Error naming the rank, the place in its list (from 0) and the action
// if one is broken: internal, as a generator made it. Linear in the number of actions.
ScheduleFacts verify(const Schedule& schedule);

}  // namespace kumiko
