#include "kumiko/comm/queue.h"

#include <pthread.h>
#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <future>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/system_failure.h"
#include "kumiko/comm/event.h"

namespace kumiko {

using Progress = Transfer::Progress;

namespace {

constexpr int64_t never = std::numeric_limits<int64_t>::max();

}  // namespace

struct Queue::Pending {
  Operation operation;
  std::shared_ptr<Event::State> state;
  std::unique_ptr<Transfer> transfer;       // none: not started
  int64_t started = 0;                      // trace_clock()
  std::shared_ptr<TraceRecorder> recorder;  // none: nobody wants to know
  TraceEvent event;
  bool finished = false;

  void finish(std::exception_ptr error) {
    finished = true;
    transfer.reset();
    // Whoever waits for the event may count on the memory being free.
    operation.input = {};
    operation.output = {};
    const int64_t now = trace_clock();
    if (recorder && started > 0) {
      event.begin = started;
      event.end = now;
      recorder->record(event);
    }
    state->finish(started > 0 ? static_cast<double>(now - started) * 1e-9 : 0, std::move(error));
  }
};

class Queue::Channel {
 public:
  explicit Channel(Starter starter) : start(std::move(starter)) {}

  Starter start;
  std::deque<std::unique_ptr<Pending>> pending;
  std::string failure;  // what went wrong first; empty: nothing
};

namespace {

// Signals are for the program's own threads: a handler must not interrupt the network library.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return error_from(exception).what();
  } catch (...) {
    return "unknown error";
  }
}

}  // namespace

Queue::Queue(std::shared_ptr<TrafficLedger> ledger, Backoff backoff)
    : ledger_(std::move(ledger)), backoff_(backoff), waiters_(std::make_shared<std::atomic<int>>(0)) {
  thread_ = std::thread([this] { loop(); });
}

Queue::~Queue() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Queue::post(std::function<void()> task) {
  {
    const std::scoped_lock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void Queue::run(const std::function<void()>& task) {
  std::packaged_task<void()> packaged(task);
  std::future<void> result = packaged.get_future();
  post([&packaged] { packaged(); });
  waiters_->fetch_add(1);
  result.wait();
  waiters_->fetch_sub(1);
  result.get();
}

std::shared_ptr<Queue::Channel> Queue::open(Starter starter) { return std::make_shared<Channel>(std::move(starter)); }

Event Queue::enqueue(const std::shared_ptr<Channel>& channel, Operation operation) {
  auto state = std::make_shared<Event::State>(ledger_, ledger_->count(operation), waiters_);
  auto pending = std::make_unique<Pending>();
  pending->recorder = ledger_->recorder();
  if (pending->recorder) pending->event = begin_event(operation, *pending->recorder);
  pending->operation = std::move(operation);
  pending->state = state;
  {
    const std::scoped_lock lock(mutex_);
    incoming_.emplace_back(channel, std::move(pending));
    ++unfinished_;
  }
  wake_.notify_one();
  return Event(std::move(state));
}

void Queue::drain() {
  std::unique_lock lock(mutex_);
  waiters_->fetch_add(1);
  drained_.wait(lock, [&] { return unfinished_ == 0; });
  waiters_->fetch_sub(1);
}

void Queue::loop() {
  block_signals();
  pthread_setname_np(pthread_self(), "kumiko-comm");
  prctl(PR_SET_TIMERSLACK, 1UL);  // the short sleeps of Backoff are meant
  int attempts = 0;
  while (take_incoming()) {
    run_repeated();
    const Progress progress = advance_all();
    if (progress == Progress::none && !active_.empty()) {
      idle(++attempts);
    } else {
      attempts = 0;
    }
  }
  fail_all();
}

// Moves new operations to their channels and runs tasks; sleeps while there is nothing at all to do. False: stop.
bool Queue::take_incoming() {
  std::vector<std::function<void()>> tasks;
  {
    std::unique_lock lock(mutex_);
    if (active_.empty()) wait_until(lock, next_repeat_);
    if (stop_) return false;
    for (auto& [channel, pending] : incoming_) {
      if (channel->pending.empty()) active_.push_back(channel);
      channel->pending.push_back(std::move(pending));
    }
    incoming_.clear();
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
  return true;
}

Progress Queue::advance_all() {
  Progress progress = Progress::none;
  for (const auto& channel : active_) progress = std::max(progress, advance(*channel));
  if (progress != Progress::finished) return progress;
  int64_t finished = 0;
  for (const auto& channel : active_) {
    finished +=
        static_cast<int64_t>(std::erase_if(channel->pending, [](const auto& entry) { return entry->finished; }));
  }
  std::erase_if(active_, [](const auto& channel) { return channel->pending.empty(); });
  const std::scoped_lock lock(mutex_);
  unfinished_ -= finished;
  if (unfinished_ == 0) drained_.notify_all();
  return progress;
}

Progress Queue::advance(Channel& channel) {
  Progress progress = Progress::none;
  bool first = true;  // nothing before this one is unfinished
  for (const auto& pending : channel.pending) {
    if (pending->finished) continue;
    const bool collective = !pending->operation.point_to_point();
    if (collective && !first) break;
    try {
      if (!channel.failure.empty()) {
        throw_environment("{} was not started, because of an earlier failure: {}", pending->operation.to_string(),
                          channel.failure);
      }
      if (!pending->transfer) {
        pending->started = trace_clock();
        pending->transfer = channel.start(pending->operation);
      }
      const Progress own = pending->transfer->advance();
      if (own == Progress::finished) pending->finish(nullptr);
      progress = std::max(progress, own);
    } catch (...) {
      if (channel.failure.empty()) channel.failure = message_of(std::current_exception());
      pending->finish(std::current_exception());
      progress = Progress::finished;
    }
    if (!pending->finished) {
      first = false;
      if (collective) break;
    }
  }
  return progress;
}

void Queue::repeat(std::function<void()> task, double seconds) {
  run([&] {
    repeated_ = std::move(task);
    repeat_interval_ = std::llround(seconds * 1e9);
    next_repeat_ = repeated_ ? trace_clock() : never;
  });
}

void Queue::run_repeated() {
  if (next_repeat_ == never || trace_clock() < next_repeat_) return;
  repeated_();
  next_repeat_ = trace_clock() + repeat_interval_;
}

// Until something new comes, or `time`.
void Queue::wait_until(std::unique_lock<std::mutex>& lock, int64_t time) {
  const auto woken = [&] { return stop_ || !incoming_.empty() || !tasks_.empty(); };
  if (time == never) return wake_.wait(lock, woken);
  wake_.wait_for(lock, std::chrono::nanoseconds(time - trace_clock()), woken);
}

// The moment before which nothing in flight can move; 0: not known.
int64_t Queue::wakes_at() const {
  int64_t earliest = never;
  for (const auto& channel : active_) {
    for (const auto& pending : channel->pending) {
      if (pending->transfer) earliest = std::min(earliest, pending->transfer->wakes_at());
    }
  }
  return earliest;
}

void Queue::idle(int attempts) {
  if (const int64_t time = wakes_at(); time > 0) {
    std::unique_lock lock(mutex_);
    return wait_until(lock, std::min(time, next_repeat_));
  }
  if (attempts < backoff_.spins) return;
  if (attempts < backoff_.yields && waiters_->load(std::memory_order_relaxed) > 0) {
    std::this_thread::yield();
    return;
  }
  const int doublings = std::min(attempts - backoff_.spins, 20);
  const double sleep = std::min(backoff_.longest_sleep, backoff_.first_sleep * static_cast<double>(1 << doublings));
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, std::chrono::duration<double>(sleep),
                 [&] { return stop_ || !incoming_.empty() || !tasks_.empty(); });
}

void Queue::fail_all() {
  const std::scoped_lock lock(mutex_);
  for (auto& [channel, pending] : incoming_) {
    if (channel->pending.empty()) active_.push_back(channel);
    channel->pending.push_back(std::move(pending));
  }
  for (const auto& channel : active_) {
    for (const auto& pending : channel->pending) {
      pending->finish(
          std::make_exception_ptr(Error(ErrorKind::environment, fmt::format("{} was given up: communication has ended",
                                                                            pending->operation.to_string()))));
    }
  }
}

}  // namespace kumiko
