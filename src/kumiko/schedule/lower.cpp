#include "kumiko/schedule/lower.h"

#include <algorithm>
#include <array>
#include <limits>

#include "kumiko/schedule/dependencies.h"

namespace kumiko {
namespace {

constexpr int32_t nowhere = -1;

// Where on a rank its actions are: by what they take, stage and micro-batch.
class ActionIndex {
 public:
  ActionIndex(const Schedule& schedule, int rank)
      : num_micro_batches_(static_cast<size_t>(schedule.num_micro_batches())),
        slots_(static_cast<size_t>(schedule.num_stages()), nowhere) {
    int32_t num_slots = 0;
    for (const int stage : schedule.placement.stages_of(rank)) slots_[static_cast<size_t>(stage)] = num_slots++;
    for (std::vector<int32_t>& places : places_) places.resize(static_cast<size_t>(num_slots) * num_micro_batches_);
  }

  int32_t& place(MessageKind kind, int stage, int micro_batch) {
    return places_[static_cast<size_t>(kind)][slot(stage) * num_micro_batches_ + static_cast<size_t>(micro_batch)];
  }

  size_t slot(int stage) const { return static_cast<size_t>(slots_[static_cast<size_t>(stage)]); }

 private:
  size_t num_micro_batches_;
  std::vector<int32_t> slots_;  // of each stage: its number among this rank's
  std::array<std::vector<int32_t>, 2> places_;
};

std::vector<Message> sends_of(const Schedule& schedule, int rank) {
  std::vector<Message> sends;
  const std::vector<Action>& actions = schedule.actions[static_cast<size_t>(rank)];
  for (size_t place = 0; place < actions.size(); ++place) {
    const Action& action = actions[place];
    const int stage = output_stage(action, schedule.num_stages());
    if (stage == no_stage) continue;
    const int peer = schedule.rank_of(stage, action.micro_batch);
    if (peer == rank) continue;
    sends.push_back({message_kind(action), stage, action.micro_batch, peer, static_cast<int32_t>(place)});
  }
  return sends;
}

// The ranks that send to this one, ascending; fills `index`.
std::vector<int32_t> senders_to(const Schedule& schedule, int rank, ActionIndex& index) {
  std::vector<int32_t> senders;
  const std::vector<Action>& actions = schedule.actions[static_cast<size_t>(rank)];
  for (size_t place = 0; place < actions.size(); ++place) {
    const Action& action = actions[place];
    const int stage = input_stage(action, schedule.num_stages());
    if (stage == no_stage) continue;
    index.place(message_kind(action), action.stage, action.micro_batch) = static_cast<int32_t>(place);
    const int peer = schedule.rank_of(stage, action.micro_batch);
    if (peer != rank && std::find(senders.begin(), senders.end(), peer) == senders.end()) senders.push_back(peer);
  }
  std::sort(senders.begin(), senders.end());
  return senders;
}

// A message must be asked for before those behind it from the same sender: when the first of them is needed. An action
// takes one message at most, so that messages of two senders are never asked for at once.
std::vector<Message> receives_of(const Schedule& schedule, int rank, ActionIndex& index) {
  struct Asked {
    int32_t at = 0;
    Message message;
  };
  std::vector<Asked> receives;
  for (const int32_t sender : senders_to(schedule, rank, index)) {
    const size_t first = receives.size();
    for (const Action& action : schedule.actions[static_cast<size_t>(sender)]) {
      const int stage = output_stage(action, schedule.num_stages());
      if (stage == no_stage || schedule.rank_of(stage, action.micro_batch) != rank) continue;
      const MessageKind kind = message_kind(action);
      const int32_t place = index.place(kind, stage, action.micro_batch);
      receives.push_back({place, {kind, stage, action.micro_batch, sender, place}});
    }
    int32_t first_needed = std::numeric_limits<int32_t>::max();
    for (size_t i = receives.size(); i-- > first;)
      receives[i].at = first_needed = std::min(first_needed, receives[i].at);
  }
  std::stable_sort(receives.begin(), receives.end(), [](const Asked& a, const Asked& b) { return a.at < b.at; });
  std::vector<Message> messages;
  messages.reserve(receives.size());
  for (const Asked& asked : receives) messages.push_back(asked.message);
  return messages;
}

std::vector<bool> completions_of(const Schedule& schedule, int rank, const ActionIndex& index) {
  const std::vector<Action>& actions = schedule.actions[static_cast<size_t>(rank)];
  const int num_micro_batches = schedule.num_micro_batches();
  const int group_size = schedule.is_synchronous() ? num_micro_batches : schedule.micro_batches_per_update;
  const auto num_groups = static_cast<size_t>((num_micro_batches + group_size - 1) / group_size);
  std::vector<bool> completes(actions.size());
  std::vector<bool> complete(schedule.placement.stages_of(rank).size() * num_groups);
  for (size_t place = actions.size(); place-- > 0;) {
    const Action& action = actions[place];
    if (!makes_weight_gradient(action.kind)) continue;
    const size_t group = index.slot(action.stage) * num_groups + static_cast<size_t>(action.micro_batch / group_size);
    completes[place] = !complete[group];
    complete[group] = true;
  }
  return completes;
}

}  // namespace

RankProgram lower(const Schedule& schedule, int rank) {
  ActionIndex index(schedule, rank);
  RankProgram program;
  program.actions = schedule.actions[static_cast<size_t>(rank)];
  program.sends = sends_of(schedule, rank);
  program.receives = receives_of(schedule, rank, index);
  program.completes_gradients = completions_of(schedule, rank, index);
  return program;
}

}  // namespace kumiko
