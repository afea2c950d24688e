// What is made of the ranks' answers when an operation has not completed for a long time: whether it ever will, and
// what to tell. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kumiko/comm/communicator.h"
#include "kumiko/comm/rank_status.h"

namespace kumiko {

// The operation that has not completed on this rank.
struct OverdueOperation {
  uint64_t channel = 0;
  std::vector<int> ranks;  // of its communicator, in the world
  TimedOperation timed;
};

// Of each rank of the world; none: it did not answer.
using RankAnswers = std::vector<std::optional<RankStatus>>;

struct HangQuestion {
  int rank = 0;  // who asked
  OverdueOperation overdue;
  double timeout_seconds = 0;
  double answer_seconds = 0;  // how long the others had to answer
};

// The ranks that are at work, so that the operation may still complete: their main thread came to where it is within
// half of the timeout, or is in a long activity and does not wait for others. None where a rank does not answer, for
// then nothing helps.
std::vector<int> ranks_at_work(const RankAnswers& answers, double timeout_seconds);

// The ranks of the operation that wait in it, in order.
std::vector<int> arrived_ranks(const HangQuestion& question, const RankAnswers& answers);

// "all_reduce 17 (...) ... has not completed in 600 s", then who has arrived, who has not and what those last did, and
// what to do.
std::string hang_text(const HangQuestion& question, const RankAnswers& answers, const std::vector<RankInfo>& ranks);

// The same operation, while some are at work.
std::string at_work_text(const HangQuestion& question, const RankAnswers& answers, const std::vector<int>& at_work);

// "ranks 0-3, 7", "rank 2"
std::string rank_list(const std::vector<int>& ranks);

}  // namespace kumiko
