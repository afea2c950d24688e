#include "kumiko/schedule/costs.h"

namespace kumiko {

ScheduleCosts uniform_costs(int num_stages, int stages_per_rank, const StageTimes& rank, double transfer) {
  const auto parts = static_cast<double>(stages_per_rank);
  const StageTimes times{rank.forward / parts, rank.backward / parts, rank.weight / parts};
  const auto count = static_cast<size_t>(num_stages);
  return {std::vector<StageTimes>(count, times), std::vector<StageMemory>(count, {1 / parts, 1 / parts}), transfer};
}

}  // namespace kumiko
