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

namespace kumiko {

class StageMessages {
 public:
  // Of those of the pipeline's program that `wanted` accepts. Each is a tensor of `shape`. All must outlive it.
  template <class Wanted>
  StageMessages(const Pipeline& pipeline, const StepContext& step, const Shape& shape, Wanted wanted)
      : pipeline_(pipeline), step_(step), shape_(shape) {
    for (const Message& message : pipeline.program.receives) {
      if (wanted(message)) peers_[message.peer].coming.push_back(message);
    }
    for (auto& [rank, peer] : peers_) ask(rank, peer);
  }
  // Waits until what was sent has left.
  ~StageMessages();
  StageMessages(const StageMessages&) = delete;
  StageMessages& operator=(const StageMessages&) = delete;

  // To `stage`, which takes it on the rank that the micro-batch's route says.
  void give(MessageKind kind, int stage, int micro_batch, Tensor tensor);
  // What `stage`, which is on this rank, was given by the stage on rank `from`.
  Tensor take(MessageKind kind, int stage, int micro_batch, int from);

 private:
  using Key = std::tuple<MessageKind, int, int>;  // stage, micro-batch
  struct Arrival {
    Tensor tensor;
    Event event;
  };
  struct Peer {
    std::deque<Message> coming;    // not asked for, in the order in which they are sent
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
