// The versions of the weights that one rank has while it runs its list of actions; a part of verify().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kumiko/schedule/schedule.h"

namespace kumiko {

// Follows one rank's actions in order. A stage of the rank is known by its slot: its number among the rank's stages.
// In a synchronous schedule weights are updated behind the last action, so that there is version 0 only.
class WeightVersions {
 public:
  WeightVersions(const Schedule& schedule, size_t num_slots);

  // What is wrong with the version that the action reads, or with the update that it completes; empty if nothing.
  std::string run(const Action& action, size_t slot);
  // The most versions of one stage's weights that are there at once: those still to be read, and the newest.
  int most() const;

 private:
  struct Read {
    size_t slot = 0;
    int32_t version = 0;
    bool updates = false;
  };
  std::string complete(const Action& action, size_t slot);

  int32_t num_micro_batches_;
  int32_t group_size_;  // 0: synchronous
  int32_t num_groups_ = 0;
  std::vector<int32_t> read_by_forward_;  // [slot][micro-batch]
  std::vector<int32_t> missing_;          // [slot][group]: micro-batches without weight gradients yet
  std::vector<int32_t> updates_;          // [slot]
  std::vector<Read> reads_;               // of each action so far
};

}  // namespace kumiko
