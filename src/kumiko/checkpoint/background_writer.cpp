#include "kumiko/checkpoint/background_writer.h"

#include <pthread.h>

#include <csignal>
#include <utility>

#include "kumiko/base/clock.h"
#include "kumiko/base/log.h"
#include "kumiko/base/system_failure.h"
#include "kumiko/base/trace.h"

namespace kumiko {
namespace {

// Signals are for the thread that trains.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

BackgroundWriter::BackgroundWriter(Communicator& ranks, CheckpointOptions options)
    : writer_(ranks, std::move(options)), thread_([this] { loop(); }) {}

BackgroundWriter::~BackgroundWriter() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

int64_t BackgroundWriter::reserve(std::span<const SavedPiece> pieces, MemoryPool& pool) {
  const auto bytes = static_cast<int64_t>(writer_.snapshot(pieces).num_bytes());
  try {
    block_ = Tensor::empty(pool, {bytes}, DType::u8, MemoryPurpose::checkpoint);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::environment) throw;
    log::warning("checkpoints are written while training waits, not behind it: {}", error.what());
    return 0;
  }
  fill_zero(block_);  // an untouched page is a promise only
  return bytes;
}

void BackgroundWriter::start(int64_t step, const std::string& state, std::span<const SavedPiece> pieces, When when,
                             bool prune) {
  const double begin = seconds_now();
  {
    const std::scoped_lock lock(mutex_);
    if (job_ || result_) throw_internal("the save of step {} begins before the result of another was taken", step);
  }
  Job job{state, writer_.snapshot(pieces), {}};
  job.result.step = step;
  job.result.behind = when == When::behind && block_;
  if (job.result.behind) {
    job.snapshot = copy_of(job.snapshot, block_);
    job.snapshot.prune = prune;
    job.result.pause_seconds = seconds_now() - begin;
    return hand_over(std::move(job));
  }
  job.snapshot.prune = prune;
  write(job);
  job.result.pause_seconds = seconds_now() - begin;
  const std::scoped_lock lock(mutex_);
  result_ = std::move(job.result);
}

void BackgroundWriter::hand_over(Job job) {
  {
    const std::scoped_lock lock(mutex_);
    job_ = std::move(job);
  }
  changed_.notify_all();
}

void BackgroundWriter::write(Job& job) {
  SaveResult& result = job.result;
  result.write_begin = trace_clock();
  try {
    result.report = writer_.write(result.step, job.state, job.snapshot);
  } catch (const std::exception& error) {
    result.error = error_from(error);
  }
  result.write_end = trace_clock();
}

void BackgroundWriter::loop() {
  block_signals();
  pthread_setname_np(pthread_self(), "kumiko-save");
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || job_; });
    if (!job_) return;
    lock.unlock();
    write(*job_);
    lock.lock();
    result_ = std::move(job_->result);
    job_.reset();
    changed_.notify_all();
  }
}

std::optional<SaveResult> BackgroundWriter::finished() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(result_, std::nullopt);
}

std::optional<SaveResult> BackgroundWriter::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !job_; });
  return std::exchange(result_, std::nullopt);
}

}  // namespace kumiko
