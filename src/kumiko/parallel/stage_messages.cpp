#include "kumiko/parallel/stage_messages.h"

#include <utility>

namespace kumiko {

static std::string_view purpose_of(MessageKind kind) {
  return kind == MessageKind::activation ? "stage activations" : "stage gradients";
}

void StageMessages::finish() {
  for (auto& [rank, peer] : peers_) {
    for (const Event& event : peer.leaving) event.wait();
    peer.leaving.clear();
  }
}

int64_t StageMessages::waiting_bytes() const {
  int64_t bytes = 0;
  for (const auto& [rank, peer] : peers_) {
    for (const auto& [key, arrival] : peer.asked) {
      if (std::get<0>(key) == MessageKind::activation) bytes += static_cast<int64_t>(arrival.tensor.num_bytes());
    }
  }
  return bytes;
}

void StageMessages::ask_next(int rank, Peer& peer) {
  const Message message = peer.coming.front();
  peer.coming.pop_front();
  // An activation stays for the backward.
  const auto purpose = message.kind == MessageKind::activation ? MemoryPurpose::stash : MemoryPurpose::communication;
  const Tensor tensor = Tensor::empty(step_.pool, shape_, step_.dtype, purpose);
  peer.asked[{message.kind, message.stage, message.micro_batch}] = {
      tensor, pipeline_.ranks->receive(tensor, rank, purpose_of(message.kind))};
}

void StageMessages::ask(int rank, Peer& peer) {
  while (!peer.coming.empty() && peer.asked.size() < num_buffers()) ask_next(rank, peer);
}

void StageMessages::give(MessageKind kind, int stage, int micro_batch, Tensor tensor) {
  const int rank = pipeline_.schedule.rank_of(stage, micro_batch);
  if (rank == pipeline_.ranks->rank()) {
    here_[{kind, stage, micro_batch}] = std::move(tensor);
    return;
  }
  std::deque<Event>& leaving = peers_[rank].leaving;
  const Span span(step_.timer, Region::pipeline_wait);
  while (!leaving.empty() && (leaving.front().done() || leaving.size() >= num_buffers())) {
    leaving.front().wait();
    leaving.pop_front();
  }
  leaving.push_back(pipeline_.ranks->send(tensor, rank, purpose_of(kind)));
}

Tensor StageMessages::take(MessageKind kind, int stage, int micro_batch, int from) {
  const Key key{kind, stage, micro_batch};
  if (from == pipeline_.ranks->rank()) return here_.extract(key).mapped();
  Peer& peer = peers_.at(from);
  while (!peer.asked.contains(key)) ask_next(from, peer);
  const Arrival arrival = peer.asked.extract(key).mapped();
  {
    const Span span(step_.timer, Region::pipeline_wait);
    arrival.event.wait();
  }
  ask(from, peer);
  return arrival.tensor;
}

void StageMessages::end_warm_up() {
  for (auto& [rank, peer] : peers_) {
    peer.coming.insert(peer.coming.end(), peer.later.begin(), peer.later.end());
    peer.later.clear();
    ask(rank, peer);
  }
}

void StageMessages::drop_warm_up() {
  for (auto& [rank, peer] : peers_) {
    while (!peer.coming.empty()) ask_next(rank, peer);
  }
  for (auto& [rank, peer] : peers_) {
    for (const auto& [key, arrival] : peer.asked) arrival.event.wait();
    peer.asked.clear();
  }
}

}  // namespace kumiko
