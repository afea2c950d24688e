// The communication thread: one per rank. It alone touches the network library, takes the operations of all
// communicators, keeps each communicator's order, and drives all of them at once.
//
// Order within one channel: a collective starts when everything before it has completed; sends and receives start when
// the collectives before them have completed, and then run side by side (each pair of ranks matches in order). So ranks
// that send to each other before they receive do not block one another.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "kumiko/comm/communicator.h"
#include "kumiko/comm/operation.h"
#include "kumiko/comm/traffic.h"

namespace kumiko {

// An operation in flight. Used on the communication thread only.
class Transfer {
 public:
  virtual ~Transfer() = default;

  enum class Progress { none, some, finished };
  // Does what can be done without waiting. Throws when the operation has failed.
  virtual Progress advance() = 0;
  // The moment (trace_clock()) before which advance() can do nothing; 0: not known, it is asked again and again.
  virtual int64_t wakes_at() const { return 0; }
};

// How the thread waits when nothing in flight moves. Spinning answers fastest and takes the core from the arithmetic;
// so while someone waits for an event (and its core is free) the thread yields for a while, and otherwise it soon
// sleeps.
struct Backoff {
  int spins = 200;                // attempts before the first sleep
  int yields = 20'000;            // the same while someone waits: about 10 ms
  double first_sleep = 5e-6;      // seconds, doubled at each attempt
  double longest_sleep = 500e-6;  // each wake-up costs the core about 20 us
};

class Queue {
 public:
  // Makes the transfer of an operation whose turn has come; called on the communication thread.
  using Starter = std::function<std::unique_ptr<Transfer>(const Operation&)>;
  class Channel;

  explicit Queue(std::shared_ptr<TrafficLedger> ledger, Backoff backoff = {});
  // Operations that have not completed fail.
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Runs `task` on the communication thread between two operations' steps; returns when it is done, rethrows its error.
  void run(const std::function<void()>& task);
  // The same, without waiting.
  void post(std::function<void()> task);

  // A new order of operations.
  std::shared_ptr<Channel> open(Starter starter);
  // After one operation of a channel has failed, its later ones fail too: the ranks no longer agree on where they are.
  Event enqueue(const std::shared_ptr<Channel>& channel, Operation operation);
  // Waits until nothing is pending.
  void drain();
  // From here on `task` also runs on the communication thread, about every `seconds`, whatever else happens; a null one
  // ends that. Returns when the thread knows.
  void repeat(std::function<void()> task, double seconds);
  // Whether any thread of the program waits for an operation.
  bool waited_for() const { return waiters_->load(std::memory_order_relaxed) > 0; }

 private:
  struct Pending;

  void loop();
  bool take_incoming();
  Transfer::Progress advance_all();
  Transfer::Progress advance(Channel& channel);
  void run_repeated();
  void idle(int attempts);
  void wait_until(std::unique_lock<std::mutex>& lock, int64_t time);
  int64_t wakes_at() const;
  void fail_all();

  const std::shared_ptr<TrafficLedger> ledger_;
  const Backoff backoff_;
  const std::shared_ptr<std::atomic<int>> waiters_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable drained_;
  std::vector<std::function<void()>> tasks_;
  std::vector<std::pair<std::shared_ptr<Channel>, std::unique_ptr<Pending>>> incoming_;
  int64_t unfinished_ = 0;
  bool stop_ = false;

  // Of the communication thread.
  std::vector<std::shared_ptr<Channel>> active_;  // channels with pending operations
  std::function<void()> repeated_;
  int64_t repeat_interval_ = 0;  // nanoseconds
  int64_t next_repeat_ = std::numeric_limits<int64_t>::max();

  std::thread thread_;
};

}  // namespace kumiko
