#include "kumiko/comm/event.h"

#include "kumiko/base/clock.h"

namespace kumiko {

void Event::State::finish(double seconds, std::exception_ptr failure) {
  ledger->add_seconds(row, seconds);
  {
    const std::scoped_lock lock(mutex);
    error = std::move(failure);
    done.store(true, std::memory_order_release);
  }
  finished.notify_all();
}

bool Event::done() const { return state_ == nullptr || state_->done.load(std::memory_order_acquire); }

void Event::wait() const {
  if (state_ == nullptr) return;
  State& state = *state_;
  if (!state.done.load(std::memory_order_acquire)) {
    const double begin = seconds_now();
    state.waiters->fetch_add(1);
    {
      std::unique_lock lock(state.mutex);
      state.finished.wait(lock, [&] { return state.done.load(std::memory_order_acquire); });
    }
    state.waiters->fetch_sub(1);
    state.ledger->add_exposed(state.row, seconds_now() - begin);
  }
  if (state.error) std::rethrow_exception(state.error);
}

}  // namespace kumiko
