// What stages hand to one another: over the pipeline axis, or on this rank. Messages are on their way behind the
// arithmetic: those that come are asked for ahead, and those that go are waited for only when as many of them to one
// rank as the schedule has message buffers have not arrived.
#pragma once

#include <deque>
#include <map>
#include <tuple>
#include <vector>

#include "kumiko/parallel/pipeline.h"
#include "kumiko/parallel/step_context.h"
#include "kumiko/schedule/warm_up.h"

namespace kumiko {

class StageMessages {
 public:
  // Of those of the pipeline's program that `wanted` accepts. Each is a tensor of `shape`. With a warm-up, no other
  // message is asked for until end_warm_up(). All must outlive it.
  template <class Wanted>
  StageMessages(const Pipeline& pipeline, const StepContext& step, const Shape& shape, Wanted wanted,
                const WarmUp* warm_up = nullptr)
      : pipeline_(pipeline), step_(step), shape_(shape) {
    const std::vector<Message>& receives = pipeline.program.receives;
    for (size_t i = 0; i < receives.size(); ++i) {
      if (!wanted(receives[i])) continue;
      Peer& peer = peers_[receives[i].peer];
      (warm_up == nullptr || warm_up->receives[i] ? peer.coming : peer.later).push_back(receives[i]);
    }
    for (auto& [rank, peer] : peers_) ask(rank, peer);
  }
  StageMessages(const StageMessages&) = delete;
  StageMessages& operator=(const StageMessages&) = delete;

  // To `stage`, which takes it on the rank that the micro-batch's route says.
  void give(MessageKind kind, int stage, int micro_batch, Tensor tensor);
  // What `stage`, which is on this rank, was given by the stage on rank `from`.
  Tensor take(MessageKind kind, int stage, int micro_batch, int from);

  // Waits until what was given has left.
  void finish();
  // Bytes of what has been asked for and not taken.
  int64_t waiting_bytes() const;

  // What comes behind the warm-up is asked for from here on.
  void end_warm_up();
  // Takes what the other ranks' warm-ups send, all of it, and forgets it: after that, each link is as before the step.
  void drop_warm_up();

 private:
  using Key = std::tuple<MessageKind, int, int>;  // stage, micro-batch
  struct Arrival {
    Tensor tensor;
    Event event;
  };
  struct Peer {
    std::deque<Message> coming;    // not asked for, in the order in which they are sent
    std::deque<Message> later;     // the same, behind the warm-up
    std::map<Key, Arrival> asked;  // and not taken
    std::deque<Event> leaving;
  };

  size_t num_buffers() const { return static_cast<size_t>(pipeline_.schedule.message_buffers); }
  void ask_next(int rank, Peer& peer);
  void ask(int rank, Peer& peer);

  const Pipeline& pipeline_;
  const StepContext& step_;
  Shape shape_;
  std::map<int, Peer> peers_;
  std::map<Key, Tensor> here_;
};

}  // namespace kumiko
