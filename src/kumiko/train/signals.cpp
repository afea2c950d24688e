#include "kumiko/train/signals.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include "kumiko/base/error.h"
#include "kumiko/base/file_lock.h"

namespace kumiko {
namespace {

// A handler can reach nothing but statics, and of those only lock-free ones.
struct HandlerState {
  std::atomic<bool> installed{false};
  std::atomic<bool> speak{false};
  std::atomic<bool> over_bar{false};
  std::atomic<int> received{0};
  std::atomic<int64_t> received_at{0};  // nanoseconds, monotonic
  struct sigaction old_interrupt;
  struct sigaction old_terminate;
  struct sigaction old_user;
};
static_assert(std::atomic<int64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<bool>::is_always_lock_free);
HandlerState handler_state;

constexpr const char* erase_bar = "\r\033[K";  // the bar, and the ^C that the terminal has echoed behind it

void say(std::string_view text) {
  const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  static_cast<void>(written);  // nothing to be done about it here
}

int64_t nanoseconds_now() {
  struct timespec time {};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void handle(int signal) {
  const int saved_errno = errno;
  const int64_t now = nanoseconds_now();
  int none = 0;
  if (!handler_state.received.compare_exchange_strong(none, signal)) {
    constexpr int64_t same_wish = 500'000'000;
    if (signal == SIGUSR1 || now - handler_state.received_at < same_wish) {
      errno = saved_errno;
      return;
    }
    if (handler_state.over_bar) say(erase_bar);
    if (handler_state.speak) say("stopping at once, without saving\n");
    remove_held_locks();
    ::_exit(128 + signal);
  }
  handler_state.received_at = now;
  if (handler_state.speak) {
    if (handler_state.over_bar) say(erase_bar);
    say(signal == SIGINT ? "interrupted: " : signal == SIGTERM ? "asked to terminate: " : "asked to stop: ");
    say("saving and stopping after this step; once more to stop at once without saving\n");
  }
  errno = saved_errno;
}

}  // namespace

StopSignals::StopSignals(Answer answer) {
  if (handler_state.installed.exchange(true)) throw_internal("two StopSignals live at the same time");
  handler_state.speak = answer != Answer::none;
  handler_state.over_bar = answer == Answer::line_over_bar;
  handler_state.received = 0;
  handler_state.received_at = INT64_MAX;
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &handler_state.old_interrupt);
  ::sigaction(SIGTERM, &action, &handler_state.old_terminate);
  ::sigaction(SIGUSR1, &action, &handler_state.old_user);
}

StopSignals::~StopSignals() {
  ::sigaction(SIGINT, &handler_state.old_interrupt, nullptr);
  ::sigaction(SIGTERM, &handler_state.old_terminate, nullptr);
  ::sigaction(SIGUSR1, &handler_state.old_user, nullptr);
  handler_state.installed = false;
}

int StopSignals::received() const { return handler_state.received; }

}  // namespace kumiko
