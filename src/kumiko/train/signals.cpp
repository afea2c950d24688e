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
  std::atomic<const char*> promise{nullptr};
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

const char* reason_of(int signal) {
  switch (signal) {
    case SIGINT:
      return "interrupted: ";
    case SIGTERM:
      return "asked to terminate: ";
    case SIGHUP:
      return "the terminal is closed: ";
    case SIGXCPU:
      return "the limit of processor time is reached: ";
    default:
      return "asked to stop: ";
  }
}

void handle(int signal) {
  const int saved_errno = errno;
  const int64_t now = nanoseconds_now();
  int none = 0;
  if (!handler_state.received.compare_exchange_strong(none, signal)) {
    constexpr int64_t same_wish = 500'000'000;
    if ((signal != SIGINT && signal != SIGTERM) || now - handler_state.received_at < same_wish) {
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
    say(reason_of(signal));
    say(handler_state.promise.load());
    say(signal == SIGINT || signal == SIGTERM ? "; once more to stop at once without saving\n" : "\n");
  }
  errno = saved_errno;
}

}  // namespace

StopSignals::StopSignals(Answer answer, const char* promise) {
  if (handler_state.installed.exchange(true)) throw_internal("two StopSignals live at the same time");
  change(answer, promise);
  handler_state.received = 0;
  handler_state.received_at = INT64_MAX;
  for (size_t i = 0; i < caught.size(); ++i) {
    struct sigaction action {};
    action.sa_handler = caught[i] == SIGPIPE || caught[i] == SIGXFSZ ? SIG_IGN : handle;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(caught[i], &action, &old_[i]);
    if (caught[i] == SIGHUP && old_[i].sa_handler == SIG_IGN) ::sigaction(SIGHUP, &old_[i], nullptr);  // nohup
  }
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < caught.size(); ++i) ::sigaction(caught[i], &old_[i], nullptr);
  handler_state.installed = false;
}

void StopSignals::change(Answer answer, const char* promise) {
  handler_state.promise = promise;
  handler_state.over_bar = answer == Answer::line_over_bar;
  handler_state.speak = answer != Answer::none;
}

int StopSignals::received() const { return handler_state.received; }

}  // namespace kumiko
