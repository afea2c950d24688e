// Which units of a model (embedding, blocks, head) each pipeline stage holds, so that no stage takes needlessly long.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kumiko {

// Units begin, ..., end - 1.
struct StageUnits {
  int32_t begin = 0;
  int32_t end = 0;
  int32_t count() const { return end - begin; }

  friend bool operator==(const StageUnits&, const StageUnits&) = default;
};

// `costs` of the units in the order of the model, in any unit, cut into `num_stages` runs, none of them empty: the run
// that costs the most costs as little as possible (to a relative 1e-12); of such cuts one where each stage, from the
// first on, takes at least its share of what is left, if that can be: 10 equal units over 4 stages are 3, 3, 2, 2.
// User error if there are fewer units than stages, or a cost is negative or not finite.
std::vector<StageUnits> balance_units(std::span<const double> costs, int num_stages);

}  // namespace kumiko
