#include "kumiko/schedule/stage_placement.h"

#include <algorithm>
#include <utility>

namespace kumiko {
namespace {

std::vector<int32_t> row(int num_stages) { return std::vector<int32_t>(static_cast<size_t>(num_stages)); }

void sort_once(std::vector<int>& numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

}  // namespace

StagePlacement::StagePlacement(int num_ranks, std::vector<std::vector<int32_t>> ranks)
    : num_ranks_(num_ranks), ranks_(std::move(ranks)) {}

StagePlacement StagePlacement::interleaved(int num_ranks, int chunks) {
  std::vector<int32_t> ranks = row(num_ranks * chunks);
  for (size_t stage = 0; stage < ranks.size(); ++stage) ranks[stage] = static_cast<int32_t>(stage) % num_ranks;
  return {num_ranks, {std::move(ranks)}};
}

StagePlacement StagePlacement::v_shaped(int num_ranks) {
  std::vector<int32_t> ranks = row(2 * num_ranks);
  for (int rank = 0; rank < num_ranks; ++rank) {
    ranks[static_cast<size_t>(rank)] = rank;
    ranks[static_cast<size_t>(2 * num_ranks - 1 - rank)] = rank;
  }
  return {num_ranks, {std::move(ranks)}};
}

StagePlacement StagePlacement::bidirectional(int num_ranks, int pairs) {
  std::vector<std::vector<int32_t>> routes;
  for (int pair = 0; pair < pairs; ++pair) {
    const int shift = pair * num_ranks / pairs;
    std::vector<int32_t> down = row(num_ranks);
    std::vector<int32_t> up = row(num_ranks);
    for (int stage = 0; stage < num_ranks; ++stage) {
      down[static_cast<size_t>(stage)] = (stage + shift) % num_ranks;
      up[static_cast<size_t>(stage)] = (num_ranks - 1 - stage + shift) % num_ranks;
    }
    routes.push_back(std::move(down));
    routes.push_back(std::move(up));
  }
  return {num_ranks, std::move(routes)};
}

std::vector<int> StagePlacement::stages_of(int rank) const {
  std::vector<int> stages;
  for (const std::vector<int32_t>& route : ranks_) {
    for (size_t stage = 0; stage < route.size(); ++stage) {
      if (route[stage] == rank) stages.push_back(static_cast<int>(stage));
    }
  }
  sort_once(stages);
  return stages;
}

std::vector<int> StagePlacement::holders_of(int stage) const {
  std::vector<int> holders;
  for (const std::vector<int32_t>& route : ranks_) holders.push_back(route[static_cast<size_t>(stage)]);
  sort_once(holders);
  return holders;
}

}  // namespace kumiko
