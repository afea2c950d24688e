#include "kumiko/comm/hang_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>

namespace kumiko {
namespace {

// Ranks described one by one; a job of thousands would fill the log.
constexpr size_t most_described = 8;

enum class Arrival { no_answer, arrived, elsewhere, passed, missing };

struct RankFinding {
  Arrival arrival = Arrival::missing;
  const Signature* other = nullptr;  // elsewhere: what it is in
};

RankFinding find_point_to_point(const HangQuestion& question, int rank, const ChannelStatus& status) {
  const Signature& own = question.overdue.timed.operation;
  for (const TimedOperation& running : std::span(status.running).first(static_cast<size_t>(status.num_running))) {
    const Signature& other = running.operation;
    if (own.matches(question.rank, other, rank)) return {Arrival::arrived};
    const bool other_side = other.point_to_point() && other.verb != own.verb && other.peer == question.rank;
    if (other_side && other.sequence == own.sequence) return {Arrival::elsewhere, &other};
  }
  return {};
}

RankFinding find_collective(const HangQuestion& question, const ChannelStatus& status) {
  const Signature& own = question.overdue.timed.operation;
  for (const TimedOperation& running : std::span(status.running).first(static_cast<size_t>(status.num_running))) {
    const Signature& other = running.operation;
    if (other.point_to_point() || other.sequence != own.sequence) continue;
    return {other == own ? Arrival::arrived : Arrival::elsewhere, &other};
  }
  return {status.collectives >= own.sequence ? Arrival::passed : Arrival::missing};
}

RankFinding find(const HangQuestion& question, const RankAnswers& answers, int rank) {
  if (rank == question.rank) return {Arrival::arrived};
  const auto& answer = answers[static_cast<size_t>(rank)];
  if (!answer) return {Arrival::no_answer};
  const ChannelStatus* status = answer->find(question.overdue.channel);
  if (status == nullptr) return {};
  return question.overdue.timed.operation.point_to_point() ? find_point_to_point(question, rank, *status)
                                                           : find_collective(question, *status);
}

// The ranks that the operation needs.
std::vector<int> ranks_needed(const HangQuestion& question) {
  const Signature& own = question.overdue.timed.operation;
  if (own.point_to_point()) return {question.rank, own.peer};
  return question.overdue.ranks;
}

std::string describe(const HangQuestion& question, const RankAnswers& answers, int rank, const RankInfo& info) {
  const RankFinding finding = find(question, answers, rank);
  const auto& answer = answers[static_cast<size_t>(rank)];
  std::string text = fmt::format("\n  rank {} (pid {} on host {}) ", rank, info.process_id, info.host);
  switch (finding.arrival) {
    case Arrival::no_answer:
      return text + fmt::format("does not answer within {:g} s: it is stopped, swapping or dead, or its host is",
                                question.answer_seconds);
    case Arrival::elsewhere:
      return text + fmt::format("is in another operation, which does not match: {}", finding.other->to_string());
    case Arrival::passed:
      return text + "has completed it: " + answer->to_string();
    default:
      return text + "has not arrived: " + answer->to_string();
  }
}

std::string heading(const HangQuestion& question) {
  return fmt::format("{} has not completed in {:.1f} s", question.overdue.timed.operation.to_string(),
                     question.overdue.timed.seconds);
}

}  // namespace

std::vector<int> ranks_at_work(const RankAnswers& answers, double timeout_seconds) {
  std::vector<int> ranks;
  for (size_t rank = 0; rank < answers.size(); ++rank) {
    if (!answers[rank]) return {};
    const RankStatus& status = *answers[rank];
    const bool moves = status.place_seconds < timeout_seconds / 2;
    if (moves || (status.long_activity != 0 && status.waiting == 0)) ranks.push_back(static_cast<int>(rank));
  }
  return ranks;
}

std::vector<int> arrived_ranks(const HangQuestion& question, const RankAnswers& answers) {
  std::vector<int> arrived;
  for (const int rank : ranks_needed(question)) {
    if (find(question, answers, rank).arrival == Arrival::arrived) arrived.push_back(rank);
  }
  std::sort(arrived.begin(), arrived.end());
  return arrived;
}

std::string hang_text(const HangQuestion& question, const RankAnswers& answers, const std::vector<RankInfo>& ranks) {
  const std::vector<int> needed = ranks_needed(question);
  const std::vector<int> arrived = arrived_ranks(question, answers);
  std::vector<int> described;
  bool mismatch = false;
  for (const int rank : needed) {
    const Arrival arrival = find(question, answers, rank).arrival;
    if (arrival != Arrival::arrived) described.push_back(rank);
    mismatch = mismatch || arrival == Arrival::elsewhere;
  }
  std::string text = heading(question) + "\n  arrived: " + rank_list(arrived);
  if (described.empty()) text += ", so all: the network between them is cut, or too slow for this";
  for (size_t rank = 0; rank < answers.size(); ++rank) {  // of other axes: those that wait may wait for these
    const auto number = static_cast<int>(rank);
    const bool outside = std::find(needed.begin(), needed.end(), number) == needed.end();
    if (outside && !answers[rank]) described.push_back(number);
  }
  for (size_t i = 0; i < std::min(described.size(), most_described); ++i) {
    text += describe(question, answers, described[i], ranks[static_cast<size_t>(described[i])]);
  }
  if (described.size() > most_described) text += fmt::format("\n  and {} more", described.size() - most_described);
  if (mismatch) {
    return text +
           "\nAll ranks of an axis must call the same operations in the same order: this is a bug; please report "
           "it. parallel.check_communication = true finds it where it happens. All ranks stop.";
  }
  return text + fmt::format(
                    "\nAll ranks stop. Look at the ranks above that have not arrived; if they are only slow, "
                    "raise parallel.distributed_timeout_minutes = {:g} (0: never).",
                    question.timeout_seconds / 60);
}

std::string at_work_text(const HangQuestion& question, const RankAnswers& answers, const std::vector<int>& at_work) {
  const RankStatus& first = *answers[static_cast<size_t>(at_work.front())];
  return fmt::format("{}, but {} {} at work (rank {}: step {}, {} for {:.1f} s): waiting on", heading(question),
                     rank_list(at_work), at_work.size() == 1 ? "is" : "are", at_work.front(), first.step,
                     first.place[0] == '\0' ? "no region" : first.place.data(), first.place_seconds);
}

std::string rank_list(const std::vector<int>& ranks) {
  std::string text;
  for (size_t begin = 0; begin < ranks.size();) {
    size_t end = begin + 1;
    while (end < ranks.size() && ranks[end] == ranks[end - 1] + 1) ++end;
    text += text.empty() ? "" : ", ";
    text += end - begin == 1   ? fmt::format("{}", ranks[begin])
            : end - begin == 2 ? fmt::format("{}, {}", ranks[begin], ranks[begin + 1])
                               : fmt::format("{}-{}", ranks[begin], ranks[end - 1]);
    begin = end;
  }
  return (ranks.size() == 1 ? "rank " : "ranks ") + text;
}

}  // namespace kumiko
