#include "kumiko/schedule/check_messages.h"

#include <fmt/core.h>

#include <string>
#include <vector>

#include "kumiko/schedule/channels.h"
#include "kumiko/schedule/check_actions.h"
#include "kumiko/schedule/dependencies.h"

namespace kumiko {
namespace {

// What an action takes from another rank, or sends to one.
struct Transfer {
  int32_t channel = no_channel;  // none: nothing
  size_t message = 0;
};

struct RankState {
  size_t place = 0;        // of the action that it has come to
  bool has_input = false;  // of that action
  Transfer awaited{};      // no channel: it waits for no message
};

class MessageRun {
 public:
  explicit MessageRun(const Schedule& schedule)
      : schedule_(schedule),
        channels_(schedule.placement),
        held_(2 * static_cast<size_t>(schedule.num_stages()) * schedule.routes.size()),
        ranks_(schedule.actions.size()) {}

  // Whether all ranks come to their end.
  bool run() {
    for (int rank = schedule_.num_ranks(); rank-- > 0;) ready_.push_back(rank);
    while (!ready_.empty()) {
      const int rank = ready_.back();
      ready_.pop_back();
      advance(rank);
    }
    return stuck_rank() == schedule_.num_ranks();
  }

  // Ranks that are stuck wait for others that are, so that going from one to the next ends in a circle.
  [[noreturn]] void throw_stuck() const {
    std::vector<bool> seen(ranks_.size());
    int rank = stuck_rank();
    for (; !seen[static_cast<size_t>(rank)]; rank = waits_for(rank)) seen[static_cast<size_t>(rank)] = true;
    const int peer = waits_for(rank);
    throw_broken(schedule_, rank, state(rank).place,
                 fmt::format("deadlock: {}, which has come to place {}, {}: {}", why(rank), state(peer).place,
                             to_string(next_action(peer)), why(peer)));
  }

 private:
  // Message: an activation or a gradient, by the stage that takes it.
  Transfer transfer_into(int stage, const Action& action) const {
    const bool gradient = makes_input_gradient(action.kind);
    const auto micro_batch = static_cast<size_t>(action.micro_batch);
    return {channels_.into(schedule_.routes[micro_batch], stage, gradient),
            2 * (static_cast<size_t>(stage) * schedule_.routes.size() + micro_batch) + (gradient ? 1 : 0)};
  }
  Transfer input_of(const Action& action) const {
    return input_stage(action, schedule_.num_stages()) == no_stage ? Transfer{} : transfer_into(action.stage, action);
  }
  Transfer output_of(const Action& action) const {
    const int stage = output_stage(action, schedule_.num_stages());
    return stage == no_stage ? Transfer{} : transfer_into(stage, action);
  }

  RankState& state(int rank) { return ranks_[static_cast<size_t>(rank)]; }
  const RankState& state(int rank) const { return ranks_[static_cast<size_t>(rank)]; }
  const std::vector<Action>& actions(int rank) const { return schedule_.actions[static_cast<size_t>(rank)]; }
  const Action& next_action(int rank) const { return actions(rank)[state(rank).place]; }
  bool has_ended(int rank) const { return state(rank).place == actions(rank).size(); }

  // Until its list ends or it has to wait.
  void advance(int rank) {
    RankState& of_rank = state(rank);
    for (; !has_ended(rank); ++of_rank.place, of_rank.has_input = false) {
      const Action& action = next_action(rank);
      of_rank.has_input = of_rank.has_input || receive(of_rank, input_of(action));
      if (!of_rank.has_input || !send(output_of(action))) return;
    }
  }

  // False: the rank waits for the message. Whatever comes before it from the same sender is held, out of the buffers.
  bool receive(RankState& of_rank, const Transfer& input) {
    if (input.channel == no_channel) return true;
    Channel& channel = channels_[input.channel];
    const bool has_come = channel.holds(input.message);
    if (!has_come && held_[input.message]) return true;
    while (!channel.buffers.empty()) {
      const size_t message = channel.take();
      if (message == input.message) break;
      held_[message] = true;
    }
    wake_sender(channel);
    if (!has_come) of_rank.awaited = input;
    return has_come;
  }

  // False: the sender waits for a buffer.
  bool send(const Transfer& output) {
    if (output.channel == no_channel) return true;
    Channel& channel = channels_[output.channel];
    RankState& receiver = state(channel.receiver);
    if (receiver.awaited.channel != output.channel) {
      channel.sender_waits = channel.buffers.size() == static_cast<size_t>(schedule_.message_buffers);
      if (!channel.sender_waits) channel.buffers.push_back(output.message);
      return !channel.sender_waits;
    }
    if (receiver.awaited.message == output.message) {
      receiver.awaited.channel = no_channel;
      receiver.has_input = true;
      ready_.push_back(channel.receiver);
    } else {
      held_[output.message] = true;
    }
    return true;
  }

  void wake_sender(Channel& channel) {
    if (!channel.sender_waits) return;
    channel.sender_waits = false;
    ready_.push_back(channel.sender);
  }

  // The rank that this one, which is stuck, waits for.
  int waits_for(int rank) const {
    const Transfer& awaited = state(rank).awaited;
    if (awaited.channel != no_channel) return channels_[awaited.channel].sender;
    return channels_[output_of(next_action(rank)).channel].receiver;
  }

  std::string why(int rank) const {
    const int peer = waits_for(rank);
    if (state(rank).awaited.channel != no_channel) return fmt::format("it waits for what rank {} sends", peer);
    return fmt::format("what it made waits until rank {} takes one of the {} messages before it", peer,
                       schedule_.message_buffers);
  }

  // The first rank that has not come to its end; the number of ranks if all have.
  int stuck_rank() const {
    int rank = 0;
    while (rank < schedule_.num_ranks() && has_ended(rank)) ++rank;
    return rank;
  }

  const Schedule& schedule_;
  Channels channels_;
  std::vector<bool> held_;  // of each message: whether it came too early and is with its receiver
  std::vector<RankState> ranks_;
  std::vector<int> ready_;
};

}  // namespace

void check_messages(const Schedule& schedule) {
  MessageRun run(schedule);
  if (!run.run()) run.throw_stuck();
}

void fit_message_buffers(Schedule& schedule) {
  const int64_t num_messages = int64_t{2} * schedule.num_stages() * schedule.num_micro_batches();
  schedule.message_buffers = usual_message_buffers;
  while (!MessageRun(schedule).run() && schedule.message_buffers < num_messages) schedule.message_buffers *= 2;
}

}  // namespace kumiko
