// From a schedule to what one rank does: its actions with the messages that they need and make, and the points where a
// stage's gradients are complete. Everything that concerns other ranks is derived here.
#pragma once

#include <cstdint>
#include <vector>

#include "kumiko/schedule/schedule.h"

namespace kumiko {

enum class MessageKind : uint8_t { activation, gradient };
// Of what an F, B or BW takes, and of what it makes.
inline MessageKind message_kind(const Action& action) {
  return action.kind == ActionKind::forward ? MessageKind::activation : MessageKind::gradient;
}

// What one stage hands to the next, or back, where they are on two ranks.
struct Message {
  MessageKind kind = MessageKind::activation;
  int32_t stage = 0;  // that takes it
  int32_t micro_batch = 0;
  int32_t peer = 0;    // rank that it goes to, or comes from
  int32_t action = 0;  // index, in this rank's actions, of the one that makes it, or takes it

  friend bool operator==(const Message&, const Message&) = default;
};

// Messages between two ranks arrive in the order in which they are sent. A rank that takes them in another order holds
// those that come too early.
struct RankProgram {
  std::vector<Action> actions;
  std::vector<Message> sends;     // in order of `action`
  std::vector<Message> receives;  // in the order to ask for them: of each peer in the order in which it sends
  // Of each action: whether it is the last at this rank that adds to the gradients of its stage, before an update.
  std::vector<bool> completes_gradients;
};

RankProgram lower(const Schedule& schedule, int rank);

}  // namespace kumiko
