// What the actions of a schedule cost, measured or assumed: time and memory of each stage, and of messages.
#pragma once

#include <cstddef>
#include <vector>

namespace kumiko {

// In one unit of time, all of them: of one micro-batch at one stage.
struct StageTimes {
  double forward = 1;   // T_F
  double backward = 1;  // T_B, the gradient of the input
  double weight = 1;    // T_W, the gradients of the weights
  double whole_backward() const { return backward + weight; }
  double total() const { return forward + backward + weight; }
};

// Held of one micro-batch at one stage, in any unit: from the beginning of F on `activations`; from the end of B on,
// until the end of W, `after_backward`. By Qi et al. 2023, section 4.2, a transformer layer's 34 h + 5 a s of a token
// become 32 h: 0.37 and 0.43 of it in the models of their tables, half where nothing is known.
struct StageMemory {
  double activations = 1;
  double after_backward = 0.5;
};

// One message: what goes from one stage to the next rank's, or back.
struct Link {
  double latency = 0;
  double seconds_per_byte = 0;  // 1 / bandwidth
  double transfer(double bytes) const { return latency + bytes * seconds_per_byte; }
};

struct ScheduleCosts {
  std::vector<StageTimes> times;    // of each stage
  std::vector<StageMemory> memory;  // of each stage
  double transfer = 0;              // T_c: of one message between two ranks
};

// Stages that are all alike: `times` and `memory` are what one micro-batch takes and holds on one rank, in all of its
// `stages_per_rank` stages.
ScheduleCosts uniform_costs(int num_stages, int stages_per_rank, const StageTimes& times, double transfer,
                            const StageMemory& memory = {});

}  // namespace kumiko
