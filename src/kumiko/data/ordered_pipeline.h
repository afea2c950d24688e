// Many workers, one order: tasks are taken from a source one after another, worked on by several threads, and their
// results handed on in the order of the tasks. However the threads are scheduled, the sink sees the same stream.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kumiko {

template <class Task, class Result>
class OrderedPipeline {
 public:
  using Source = std::function<std::optional<Task>()>;  // the next task, or none: called by one thread a time
  using Work = std::function<Result(Task)>;             // used by one thread only
  using MakeWork = std::function<Work()>;               // called by each thread at its start
  using Sink = std::function<void(Result)>;             // called in the thread that called run()

  // Runs to the end of the source. At most max_in_flight tasks are between source and sink at a time, which bounds the
  // memory. An error is rethrown when the sink would have received that task's result, so that the first in the order
  // of the tasks wins, whichever thread met its own first; nothing after it reaches the sink.
  static void run(int threads, int64_t max_in_flight, Source source, MakeWork make_work, const Sink& sink) {
    OrderedPipeline pipeline(max_in_flight, std::move(source), std::move(make_work));
    std::vector<std::jthread> workers;
    // Declared after the workers, so that it speaks before they are joined, also when the sink throws.
    struct Stop {
      OrderedPipeline& pipeline;
      ~Stop() { pipeline.stop(); }
    } stop{pipeline};
    for (int i = 0; i < threads; ++i) workers.emplace_back([&pipeline] { pipeline.work(); });
    while (std::optional<Result> result = pipeline.take()) sink(std::move(*result));
  }

 private:
  struct Outcome {
    std::optional<Result> result;
    std::exception_ptr error;
  };

  OrderedPipeline(int64_t max_in_flight, Source source, MakeWork make_work)
      : max_in_flight_(max_in_flight), source_(std::move(source)), make_work_(std::move(make_work)) {}

  void work() {
    try {
      const Work work = make_work_();
      while (auto task = next_task()) {
        Outcome outcome;
        try {
          outcome.result = work(std::move(task->second));
        } catch (...) {
          outcome.error = std::current_exception();
        }
        deliver(task->first, std::move(outcome));
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      changed_.notify_all();
    }
  }

  std::optional<std::pair<int64_t, Task>> next_task() {
    // Held while waiting for room: the other workers have nothing to take either.
    const std::lock_guard source_lock(source_mutex_);
    int64_t index = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopped_ || num_tasks_ < num_taken_ + max_in_flight_; });
      if (stopped_ || exhausted_) return std::nullopt;
      index = num_tasks_;
    }
    std::optional<Task> task;
    std::exception_ptr error;
    try {
      task = source_();
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    if (error) outcomes_.emplace(num_tasks_++, Outcome{std::nullopt, error});
    if (!task) {
      exhausted_ = true;
      changed_.notify_all();
      return std::nullopt;
    }
    ++num_tasks_;
    return std::pair(index, std::move(*task));
  }

  void deliver(int64_t index, Outcome outcome) {
    const std::lock_guard lock(mutex_);
    outcomes_.emplace(index, std::move(outcome));
    changed_.notify_all();
  }

  // The next result in order, or none at the end.
  std::optional<Result> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(
        lock, [&] { return failure_ || outcomes_.contains(num_taken_) || (exhausted_ && num_taken_ == num_tasks_); });
    if (failure_) std::rethrow_exception(failure_);
    auto found = outcomes_.extract(num_taken_);
    if (found.empty()) return std::nullopt;
    ++num_taken_;
    changed_.notify_all();
    if (found.mapped().error) std::rethrow_exception(found.mapped().error);
    return std::move(found.mapped().result);
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

  const int64_t max_in_flight_;
  Source source_;
  MakeWork make_work_;
  std::mutex source_mutex_;  // one caller of source_ at a time, and tasks numbered in the order of its calls

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::unordered_map<int64_t, Outcome> outcomes_;
  int64_t num_tasks_ = 0;  // taken from the source so far
  int64_t num_taken_ = 0;  // given to the sink so far
  bool exhausted_ = false;
  bool stopped_ = false;
  std::exception_ptr failure_;  // a worker could not be made
};

}  // namespace kumiko
