#include "kumiko/train/saving.h"

#include <utility>

#include "kumiko/base/clock.h"
#include "kumiko/base/log.h"
#include "kumiko/base/trace.h"
#include "kumiko/comm/agreement.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {

static RunRecord record_of(Run& run) {
  RunRecord record;
  record.step = run.state.step;
  record.updates = run.state.updates;
  record.consumed_samples = run.consumed_samples();
  record.consumed_tokens = run.consumed_tokens();
  record.config = run.config.to_toml();
  record.origin = run.start.origin;
  record.began_anew = run.config.checkpoint.start_anew;
  record.planned_samples = run.start.planned_samples;
  record.tokenizer = run.start.tokenizer;
  record.data = run.start.data;
  if (run.state.loss_scale.is_dynamic()) record.loss_scale = run.state.loss_scale.state();
  return record;
}

void RunSaving::save() {
  if (!run_.writer) return;
  if (run_.state.updates == begun_updates_) tell(run_.writer->wait());  // all ranks know whether it failed
  if (run_.state.updates != begun_updates_ || failure_) return start(BackgroundWriter::When::behind);
  if (run_.world.rank() == 0 && !std::exchange(warned_, true)) {
    log::warning("step {} is not saved: all steps since step {} were skipped, so the weights are the same",
                 run_.state.step, begun_step_);
  }
}

void RunSaving::start(BackgroundWriter::When when) {
  const Span span(timer_, Region::checkpoint);
  report_.activity("saving a checkpoint");
  const double begin = seconds_now();
  tell(run_.writer->wait());
  waited_seconds_ = seconds_now() - begin;
  traced_ = profiler_.recorder() != nullptr;
  begun_step_ = run_.state.step;
  warned_ = false;
  failure_.reset();
  // A checkpoint with the weights of the one before pushes none out of keep_last.
  const bool prune = run_.state.updates != begun_updates_;
  begun_updates_ = run_.state.updates;
  run_.writer->start(run_.state.step, to_json(record_of(run_)), pieces_of(run_.state, Copies::first), when, prune);
  report_.activity("");
}

void RunSaving::tell() {
  if (run_.writer) tell(run_.writer->finished());
}

void RunSaving::tell(const std::optional<SaveResult>& ended) {
  if (!ended) return;
  report_.saved(*ended, {waited_seconds_ + ended->pause_seconds, waited_seconds_});
  failure_ = ended->error;
  if (failure_) return warn();
  if (traced_ && profiler_.recorder() != nullptr) record_write(*ended);
}

void RunSaving::warn() const {
  if (run_.world.rank() != 0 || ending_) return;
  log::error("{}{}; training goes on, the earlier checkpoints stay, and the next save tries again",
             error_prefix(failure_->kind()), failure_->what());
}

void RunSaving::record_write(const SaveResult& saved) const {
  TraceEvent event;
  event.track = TraceTrack::io;
  event.name = "write checkpoint";
  event.begin = saved.write_begin;
  event.end = saved.write_end;
  event.step = saved.step;
  event.bytes = static_cast<int64_t>(saved.report.bytes[static_cast<size_t>(run_.world.rank())]);
  profiler_.recorder()->record(event);
}

void RunSaving::save_last_good() {
  if (!run_.writer) return;
  // The newest step's update may not be known to be right yet.
  if (run_.validated) {
    run_.validated->settle(run_.state, run_.context(&timer_), run_.data.axis(), run_.step_settings());
  }
  tell(run_.writer->wait());
  if (run_.state.updates == begun_updates_ && !failure_) return;
  start(BackgroundWriter::When::at_once);
  tell(run_.writer->wait());
}

void RunSaving::finish() {
  if (!run_.writer) return;
  if (begun_step_ != run_.state.step) start(BackgroundWriter::When::at_once);
  const Span span(timer_, Region::checkpoint);
  report_.activity("completing a checkpoint");
  ending_ = true;
  tell(run_.writer->wait());
  report_.activity("");
  if (failure_) throw SharedError(*failure_);  // every rank has it
}

}  // namespace kumiko
