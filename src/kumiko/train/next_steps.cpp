#include "kumiko/train/next_steps.h"

#include <algorithm>
#include <filesystem>

#include "kumiko/base/file.h"
#include "kumiko/base/log.h"
#include "kumiko/parallel/pipeline_plan.h"
#include "kumiko/train/observer_guard.h"
#include "kumiko/train/pipeline_timeline.h"
#include "kumiko/train/stream_step.h"

namespace kumiko {
namespace {

std::vector<MicroBatch> read_samples(const Run& run, int64_t step, RegionTimer& timer, const Profiler& profiler) {
  const Span span(timer, Region::batch_generator);
  TraceSpan io(profiler.recorder(), TraceTrack::io, "read samples");
  std::vector<MicroBatch> batches = load_micro_batches(*run.train_samples, run.layout, step, run.documents, *run.pool);
  size_t bytes = 0;
  for (const MicroBatch& batch : batches) bytes += batch.tokens.num_bytes();
  io.set_bytes(static_cast<int64_t>(bytes));
  return batches;
}

bool is_asynchronous(const Run& run) { return run.pipeline && !run.pipeline->schedule.is_synchronous(); }

// The run's pipeline with the schedule of so many updates.
Pipeline stream_of(const Run& run, int64_t num_updates) {
  PipelinePlan plan = plan_stream(run.config.model, run.layout.seq_length, run.config.parallel.pipeline,
                                  run.layout.num_micro_batches(), num_updates);
  Pipeline stream;
  stream.program = lower(plan.schedule, run.pipeline->ranks->rank());
  stream.schedule = std::move(plan.schedule);
  stream.request = std::move(plan.request);
  stream.ranks = run.pipeline->ranks;
  return stream;
}

// The next step behind which a validation, a save or the end may be due.
int64_t next_pause(const Run& run) {
  const Config& config = run.config;
  int64_t pause = config.train.train_iters;
  for (const int64_t interval :
       {config.train.eval_interval, config.train.exit_interval, config.checkpoint.save_interval}) {
    if (interval > 0) pause = std::min(pause, (run.state.step / interval + 1) * interval);
  }
  return pause;
}

// Whether one of the steps that begin now is to be traced.
bool is_traced(const Run& run) {
  const LoggingOptions& options = run.config.logging;
  const int64_t first = run.state.step + 1;
  const int64_t last = run.state.step + num_next_steps(run);
  return options.profile && run.pipeline && last >= options.profile_step_start && first <= options.profile_step_end;
}

// Beside the trace, for `kumiko schedule show --measured`. Collective over the pipeline axis; the first rank writes.
void write_timeline(const Run& run, const Pipeline& pipeline, std::vector<ActionRecord> own, int64_t step) {
  // Without those of a warm-up that was begun anew.
  own.erase(own.begin(), own.end() - static_cast<std::ptrdiff_t>(pipeline.program.actions.size()));
  const TimelineFile file = timeline_of(pipeline, gather_records(own, *pipeline.ranks));
  if (run.world.rank() > 0) return;
  const std::filesystem::path path =
      std::filesystem::path(run.run_directory()) / "trace" / fmt::format("pipeline-step-{}.json", step);
  const bool written = ObserverGuard("logging.profile", "")([&] {
    std::filesystem::create_directories(path.parent_path());
    write_text_file(path, to_json(file));
  });
  if (!written) return;
  log::info("timeline of the pipeline in step {}: draw it with `kumiko schedule show --measured {} --svg FILE`", step,
            path.string());
}

}  // namespace

std::vector<StepResult> take_step(Run& run, const StepContext& context, const std::vector<MicroBatch>& micro_batches,
                                  const StopWish& stop) {
  const DataAxis data = run.data.axis();
  const StepSettings settings = run.step_settings();
  if (!run.validated) return {training_step(run.state, context, micro_batches, data, settings, stop)};
  const int64_t pause = next_pause(run);
  std::vector<StepResult> results;
  if (const auto before = run.validated->take(run.state, context, micro_batches, data, settings, stop)) {
    results.push_back(*before);
  }
  if (run.state.step == pause || (!results.empty() && results.back().stop_requested)) {
    results.push_back(*run.validated->settle(run.state, context, data, settings));
  }
  return results;
}

int64_t num_next_steps(const Run& run) {
  if (!is_asynchronous(run)) return 1;
  const int64_t step = run.state.step;
  const int64_t interval = run.config.parallel.pipeline.stream_steps;
  return std::min(next_pause(run), (step / interval + 1) * interval) - step;
}

std::vector<StepResult> take_next_steps(Run& run, RegionTimer& timer, const Profiler& profiler, const StopWish& stop) {
  StepContext context = run.context(&timer);
  std::vector<ActionRecord> records;
  const bool traced = is_traced(run);
  const int64_t first = run.state.step + 1;
  if (traced) context.action_records = &records;
  if (!is_asynchronous(run)) {
    const auto micro_batches = read_samples(run, run.state.step, timer, profiler);
    const std::vector<StepResult> results = take_step(run, context, micro_batches, stop);
    if (traced) write_timeline(run, *run.pipeline, records, first);
    return results;
  }
  std::vector<std::vector<MicroBatch>> steps;
  for (int64_t i = 0; i < num_next_steps(run); ++i) {
    steps.push_back(read_samples(run, run.state.step + i, timer, profiler));
  }
  const Pipeline stream = stream_of(run, static_cast<int64_t>(steps.size()));
  context.pipeline = &stream;
  const auto results = training_stream(run.state, context, steps, run.data.axis(), run.step_settings(), stop);
  if (traced) write_timeline(run, stream, records, first);
  return results;
}

}  // namespace kumiko
