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

class MessageRun {
 public:
  explicit MessageRun(const Schedule& schedule)
      : schedule_(schedule),
        channels_(schedule.placement),
        sent_(2 * static_cast<size_t>(schedule.num_stages()) * schedule.routes.size()),
        places_(schedule.actions.size()),
        awaited_(schedule.actions.size()) {}

  void run() {
    for (int rank = schedule_.num_ranks(); rank-- > 0;) ready_.push_back(rank);
    while (!ready_.empty()) {
      const int rank = ready_.back();
      ready_.pop_back();
      advance(rank);
    }
    for (int rank = 0; rank < schedule_.num_ranks(); ++rank) {
      if (!has_ended(rank)) throw_stuck(rank);
    }
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

  const Action& action_at(int rank) const {
    return schedule_.actions[static_cast<size_t>(rank)][places_[static_cast<size_t>(rank)]];
  }
  bool has_ended(int rank) const {
    return places_[static_cast<size_t>(rank)] == schedule_.actions[static_cast<size_t>(rank)].size();
  }

  // Until its list ends or it has to wait.
  void advance(int rank) {
    for (; !has_ended(rank); ++places_[static_cast<size_t>(rank)]) {
      const Action& action = action_at(rank);
      if (!receive(rank, input_of(action)) || !send(output_of(action))) return;
    }
  }

  // False: the rank waits for the message. Whatever comes before it from the same sender is held, out of the buffers.
  bool receive(int rank, const Transfer& input) {
    if (input.channel == no_channel) return true;
    Channel& channel = channels_[input.channel];
    if (sent_[input.message]) {
      if (channel.take(input.message)) wake_sender(channel);
      return true;
    }
    awaited_[static_cast<size_t>(rank)] = input;
    channel.num_taken_up = 0;
    wake_sender(channel);
    return false;
  }

  // False: the sender waits for a buffer.
  bool send(const Transfer& output) {
    if (output.channel == no_channel) return true;
    Channel& channel = channels_[output.channel];
    Transfer& awaited = awaited_[static_cast<size_t>(channel.receiver)];
    const bool held_at_once = awaited.channel == output.channel;
    if (!held_at_once && channel.is_full()) {
      channel.sender_waits = true;
      return false;
    }
    sent_[output.message] = true;
    if (!held_at_once) {
      channel.put(output.message);
    } else if (awaited.message == output.message) {
      awaited.channel = no_channel;
      ready_.push_back(channel.receiver);
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
    const Transfer& awaited = awaited_[static_cast<size_t>(rank)];
    if (awaited.channel != no_channel) return channels_[awaited.channel].sender;
    return channels_[output_of(action_at(rank)).channel].receiver;
  }

  std::string why(int rank) const {
    const int peer = waits_for(rank);
    if (awaited_[static_cast<size_t>(rank)].channel != no_channel)
      return fmt::format("it waits for what rank {} sends", peer);
    return fmt::format("what it made waits until rank {} takes one of the {} messages before it", peer,
                       message_buffers);
  }

  // Ranks that are stuck wait for others that are, so that going from one to the next ends in a circle.
  [[noreturn]] void throw_stuck(int rank) const {
    std::vector<bool> seen(places_.size());
    for (; !seen[static_cast<size_t>(rank)]; rank = waits_for(rank)) seen[static_cast<size_t>(rank)] = true;
    const int peer = waits_for(rank);
    throw_broken(schedule_, rank, places_[static_cast<size_t>(rank)],
                 fmt::format("deadlock: {}, which has come to place {}, {}: {}", why(rank),
                             places_[static_cast<size_t>(peer)], to_string(action_at(peer)), why(peer)));
  }

  const Schedule& schedule_;
  Channels channels_;
  std::vector<bool> sent_;         // of each message
  std::vector<size_t> places_;     // of each rank: how far it has come
  std::vector<Transfer> awaited_;  // of each rank; no channel if it waits for no message
  std::vector<int> ready_;
};

}  // namespace

void check_messages(const Schedule& schedule) { MessageRun(schedule).run(); }

}  // namespace kumiko
