// A collective algorithm written as it reads: a coroutine that posts messages, and at each `co_yield messages` waits
// until all of them are delivered. The communication thread resumes many of them in turn.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

namespace kumiko {

// What an algorithm yields: "until the messages I have posted are delivered".
struct Delivered {};

class Steps {
 public:
  struct promise_type {
    std::exception_ptr error;

    Steps get_return_object() { return Steps(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(Delivered) noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { error = std::current_exception(); }
  };

  Steps(Steps&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Steps& operator=(Steps&&) = delete;
  ~Steps() {
    if (handle_) handle_.destroy();
  }

  bool finished() const { return handle_.done(); }
  // Runs to the next co_yield or the end; rethrows what the algorithm threw.
  void resume() {
    handle_.resume();
    if (handle_.promise().error) std::rethrow_exception(handle_.promise().error);
  }

 private:
  explicit Steps(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

}  // namespace kumiko
