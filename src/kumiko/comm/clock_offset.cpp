#include "kumiko/comm/clock_offset.h"

#include <algorithm>
#include <cmath>

namespace kumiko {
namespace {

constexpr std::string_view clock_purpose = "clock";

}  // namespace

ClockReading measure_clock(Communicator& all, std::span<const int64_t> ranks, MemoryPool& pool, int rounds,
                           const std::function<int64_t()>& clock) {
  const Tensor message = Tensor::empty(pool, {1}, DType::i64, MemoryPurpose::communication);
  ClockReading best;
  for (const int64_t rank : ranks) {
    if (rank == 0) {
      if (all.rank() == 0) best.at = clock();
      continue;
    }
    const auto peer = static_cast<int>(rank);
    for (int round = 0; round < rounds; ++round) {
      if (all.rank() == 0) {
        all.receive(message, peer, clock_purpose).wait();
        *message.data<int64_t>() = clock();
        all.send(message, peer, clock_purpose).wait();
      } else if (all.rank() == peer) {
        const int64_t asked = clock();
        all.send(message, 0, clock_purpose).wait();
        all.receive(message, 0, clock_purpose).wait();
        const int64_t answered = clock();
        const int64_t half = (answered - asked + 1) / 2;
        if (round > 0 && half >= best.uncertainty) continue;
        best = {asked + half, *message.data<int64_t>() - (asked + half), half};
      }
    }
  }
  return best;
}

int64_t ClockFit::to_rank_0(int64_t time) const {
  if (!end || end->at <= begin.at) return time + begin.offset;
  const double passed = static_cast<double>(time - begin.at) / static_cast<double>(end->at - begin.at);
  const double change = static_cast<double>(end->offset - begin.offset) * std::clamp(passed, 0.0, 1.0);
  return time + begin.offset + std::llround(change);
}

double ClockFit::drift() const {
  if (!end || end->at <= begin.at) return 0;
  return static_cast<double>(end->offset - begin.offset) / static_cast<double>(end->at - begin.at) * 1e9;
}

}  // namespace kumiko
