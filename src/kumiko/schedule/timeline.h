// A schedule with the time of each of its actions, simulated or measured: what the pictures draw.
#pragma once

#include <string>
#include <vector>

#include "kumiko/schedule/schedule.h"
#include "kumiko/schedule/simulate.h"

namespace kumiko {

struct Timeline {
  std::string title;
  Schedule schedule;
  std::vector<std::vector<ActionTime>> times;  // as Schedule::actions
};

// The same timeline with its earliest action at 0: measured times count from anywhere.
Timeline from_zero(Timeline timeline);

struct TimelineFacts {
  double end = 0;  // of the last action
  // As Simulation has them, from the times alone.
  double cost = 0;
  double bubble_rate = 0;
  std::vector<double> busy;  // of each rank
};
TimelineFacts facts_of(const Timeline& timeline);

// What a rank holds from `time` on, in micro-batches through all of its stages.
struct HeldActivations {
  double time = 0;
  double held = 0;
};
// Of one rank, in the order of time, one for each change: held from the beginning of F until the end of W, or BW.
std::vector<HeldActivations> activations_over_time(const Timeline& timeline, int rank);

// Of each action of one rank, which part of the rank it belongs to, from 0 for the first to 1 for the last: stages of a
// rank that has several on a route, else the direction of the micro-batch's route.
std::vector<double> parts_of_actions(const Schedule& schedule, int rank);

}  // namespace kumiko
