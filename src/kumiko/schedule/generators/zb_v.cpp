#include <array>
#include <utility>

#include "kumiko/schedule/generators/controllable_memory.h"

namespace kumiko {
namespace {

// The actions of one rank, each kind in order of micro-batches; what is asked for beyond the last is left out.
class Rank {
 public:
  Rank(int first_stage, int second_stage, int num_micro_batches)
      : stages_{first_stage, second_stage}, num_micro_batches_(num_micro_batches) {}

  // chunk: 0 of the rank's first stage, 1 of its second.
  void forward(int chunk) { put(ActionKind::forward, chunk, forwards_); }
  void backward(int chunk) { put(ActionKind::backward, chunk, backwards_); }
  bool is_done() const { return backwards_[0] == num_micro_batches_ && backwards_[1] == num_micro_batches_; }
  std::vector<Action> take() { return std::move(actions_); }

 private:
  void put(ActionKind kind, int chunk, std::array<int, 2>& done) {
    int& next = done[static_cast<size_t>(chunk)];
    if (next < num_micro_batches_) actions_.push_back({kind, stages_[static_cast<size_t>(chunk)], next++});
  }

  std::array<int, 2> stages_;
  int num_micro_batches_;
  std::array<int, 2> forwards_{};
  std::array<int, 2> backwards_{};
  std::vector<Action> actions_;
};

}  // namespace

// 1F1B's activations, and no bubble where F, B and W take the same time and there are 2p - 1 micro-batches. First F of
// the first stage, as many as run until the second's first input comes back; then B of the second until the first's
// first gradient comes; then all four in turn.
Schedule make_zb_v(const ScheduleRequest& request) {
  const int p = request.num_ranks;
  Schedule order = empty_schedule("zb-v", StagePlacement::v_shaped(p), request.num_micro_batches);
  for (int i = 0; i < p; ++i) {
    Rank rank(i, 2 * p - 1 - i, request.num_micro_batches);
    for (int n = 0; n < 2 * (p - i) - 1; ++n) rank.forward(0);
    for (int n = 0; n < i; ++n) {
      rank.forward(1);
      rank.forward(0);
    }
    for (int n = 0; n < p - i; ++n) {
      rank.forward(1);
      rank.backward(1);
    }
    while (!rank.is_done()) {
      rank.forward(0);
      rank.backward(0);
      rank.forward(1);
      rank.backward(1);
    }
    order.actions[static_cast<size_t>(i)] = rank.take();
  }
  return fit_weights(order, request, p);
}

}  // namespace kumiko
