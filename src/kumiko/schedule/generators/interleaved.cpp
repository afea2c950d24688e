#include <algorithm>

#include "kumiko/schedule/generators.h"

namespace kumiko {
namespace {

struct Piece {
  int chunk = 0;
  int micro_batch = 0;
};

// Micro-batches in groups of p: all of a group through one chunk before the next chunk.
std::vector<Piece> forward_order(int num_ranks, int chunks, int num_groups) {
  std::vector<Piece> order;
  for (int group = 0; group < num_groups; ++group) {
    for (int chunk = 0; chunk < chunks; ++chunk) {
      for (int i = 0; i < num_ranks; ++i) order.push_back({chunk, group * num_ranks + i});
    }
  }
  return order;
}

}  // namespace

// Chunk c of rank r is stage c p + r (Narayanan et al. 2021, "Efficient large-scale language model training on GPU
// clusters", section 2.2.2). Rank r runs 2 (p - r - 1) + (v - 1) p F ahead, then one F, one BW; with one chunk it is
// 1F1B. Published for m a multiple of p; a last group with fewer is run as if it were full, and what is not there left
// out: with a shorter group in its place rank 0 could wait for a F of the last rank that comes after a BW of its own.
Schedule make_interleaved(const ScheduleRequest& request) {
  const int num_ranks = request.num_ranks;
  const int chunks = request.chunks;
  const int num_groups = (request.num_micro_batches + num_ranks - 1) / num_ranks;
  Schedule schedule =
      empty_schedule("interleaved", StagePlacement::interleaved(num_ranks, chunks), request.num_micro_batches);
  const std::vector<Piece> order = forward_order(num_ranks, chunks, num_groups);
  for (int rank = 0; rank < num_ranks; ++rank) {
    std::vector<Action>& actions = schedule.actions[static_cast<size_t>(rank)];
    const auto run = [&](ActionKind kind, int chunk, int micro_batch) {
      if (micro_batch < request.num_micro_batches) actions.push_back({kind, chunk * num_ranks + rank, micro_batch});
    };
    const int behind = num_ranks - rank - 1;
    const auto ahead = static_cast<size_t>(chunks == 1 ? behind : 2 * behind + (chunks - 1) * num_ranks);
    for (size_t i = 0; i < order.size() + ahead; ++i) {
      if (i < order.size()) run(ActionKind::forward, order[i].chunk, order[i].micro_batch);
      if (i < ahead) continue;
      const Piece& piece = order[i - ahead];
      run(ActionKind::whole_backward, chunks - 1 - piece.chunk, piece.micro_batch);
    }
  }
  return schedule;
}

}  // namespace kumiko
