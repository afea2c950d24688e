// Which rank of the pipeline axis holds which stage. A route is one way through all stages; where stages are replicated
// there are several, and each micro-batch takes one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kumiko {

class StagePlacement {
 public:
  StagePlacement() = default;
  // ranks[route][stage]; every rank below `num_ranks` holds a stage.
  StagePlacement(int num_ranks, std::vector<std::vector<int32_t>> ranks);

  // Stage s on rank s mod p, `chunks` stages a rank (Narayanan et al. 2021, section 2.2); with one chunk one stage a
  // rank.
  static StagePlacement interleaved(int num_ranks, int chunks = 1);
  // Two stages a rank: s on rank s, then back (Qi et al. 2024, "Pipeline Parallelism with Controllable Memory").
  static StagePlacement v_shaped(int num_ranks);
  // `pairs` pipelines down and as many up over the same ranks (Li and Hoefler 2021, section 3.6): down pipeline i has
  // stage s on rank s + i D / pairs, up pipeline i on D - 1 - s + i D / pairs, both mod D. Routes are down 0, up 0,
  // down 1, ...
  static StagePlacement bidirectional(int num_ranks, int pairs = 1);

  int num_ranks() const { return num_ranks_; }
  int num_routes() const { return static_cast<int>(ranks_.size()); }
  int num_stages() const { return ranks_.empty() ? 0 : static_cast<int>(ranks_[0].size()); }
  int rank_of(int route, int stage) const { return ranks_[static_cast<size_t>(route)][static_cast<size_t>(stage)]; }
  // Ascending, each once.
  std::vector<int> stages_of(int rank) const;
  // The ranks that hold `stage`, ascending, each once: among them its gradients are summed.
  std::vector<int> holders_of(int stage) const;

 private:
  int num_ranks_ = 0;
  std::vector<std::vector<int32_t>> ranks_;
};

}  // namespace kumiko
