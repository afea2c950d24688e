#include "kumiko/schedule/costs.h"

namespace kumiko {

ScheduleCosts uniform_costs(int num_stages, int stages_per_rank, const StageTimes& times, double transfer,
                            const StageMemory& memory) {
  const auto parts = static_cast<double>(stages_per_rank);
  const auto count = static_cast<size_t>(num_stages);
  return {std::vector<StageTimes>(count, {times.forward / parts, times.backward / parts, times.weight / parts}),
          std::vector<StageMemory>(count, {memory.activations / parts, memory.after_backward / parts}), transfer};
}

}  // namespace kumiko
