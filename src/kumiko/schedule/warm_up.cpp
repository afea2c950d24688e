#include "kumiko/schedule/warm_up.h"

#include "kumiko/schedule/dependencies.h"

namespace kumiko {
namespace {

// Which F have been done.
class ForwardsDone {
 public:
  explicit ForwardsDone(const Schedule& schedule)
      : num_stages_(static_cast<size_t>(schedule.num_stages())),
        done_(num_stages_ * static_cast<size_t>(schedule.num_micro_batches())) {}

  std::vector<bool>::reference at(int stage, int micro_batch) {
    return done_[static_cast<size_t>(micro_batch) * num_stages_ + static_cast<size_t>(stage)];
  }

 private:
  size_t num_stages_;
  std::vector<bool> done_;
};

bool makes_no_gradient(const Action& action, const Schedule& schedule) {
  return action.kind == ActionKind::forward && action.stage + 1 < schedule.num_stages();
}

ForwardsDone forwards_of_warm_ups(const Schedule& schedule, std::vector<size_t>& lengths) {
  ForwardsDone done(schedule);
  bool more = true;
  while (more) {
    more = false;
    for (size_t rank = 0; rank < lengths.size(); ++rank) {
      const std::vector<Action>& actions = schedule.actions[rank];
      for (size_t& next = lengths[rank]; next < actions.size(); ++next) {
        const Action& action = actions[next];
        if (!makes_no_gradient(action, schedule)) break;
        const int from = input_stage(action, schedule.num_stages());
        if (from != no_stage && !done.at(from, action.micro_batch)) break;
        done.at(action.stage, action.micro_batch) = true;
        more = true;
      }
    }
  }
  return done;
}

}  // namespace

std::vector<size_t> warm_up_lengths(const Schedule& schedule) {
  std::vector<size_t> lengths(static_cast<size_t>(schedule.num_ranks()));
  forwards_of_warm_ups(schedule, lengths);
  return lengths;
}

WarmUp warm_up_of(const Schedule& schedule, int rank, const RankProgram& program) {
  std::vector<size_t> lengths(static_cast<size_t>(schedule.num_ranks()));
  ForwardsDone done = forwards_of_warm_ups(schedule, lengths);
  WarmUp warm_up;
  warm_up.num_actions = lengths[static_cast<size_t>(rank)];
  for (const Message& message : program.receives) {
    warm_up.receives.push_back(message.kind == MessageKind::activation &&
                               done.at(message.stage - 1, message.micro_batch));
  }
  return warm_up;
}

}  // namespace kumiko
