#include "kumiko/train/next_steps.h"

#include <algorithm>

#include "kumiko/parallel/pipeline_plan.h"
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
  stream.ranks = run.pipeline->ranks;
  return stream;
}

}  // namespace

int64_t num_next_steps(const Run& run) {
  if (!is_asynchronous(run)) return 1;
  const Config& config = run.config;
  const int64_t step = run.state.step;
  int64_t end = config.train.train_iters;
  for (const int64_t interval : {config.parallel.pipeline.stream_steps, config.train.eval_interval,
                                 config.train.exit_interval, config.checkpoint.save_interval}) {
    if (interval > 0) end = std::min(end, (step / interval + 1) * interval);
  }
  return end - step;
}

std::vector<StepResult> take_next_steps(Run& run, RegionTimer& timer, const Profiler& profiler, bool stop_requested) {
  StepContext context = run.context(&timer);
  const DataAxis data = run.data.axis();
  if (!is_asynchronous(run)) {
    const auto micro_batches = read_samples(run, run.state.step, timer, profiler);
    return {training_step(run.state, context, micro_batches, data, run.step_settings(), stop_requested)};
  }
  std::vector<std::vector<MicroBatch>> steps;
  for (int64_t i = 0; i < num_next_steps(run); ++i) {
    steps.push_back(read_samples(run, run.state.step + i, timer, profiler));
  }
  const Pipeline stream = stream_of(run, static_cast<int64_t>(steps.size()));
  context.pipeline = &stream;
  return training_stream(run.state, context, steps, data, run.step_settings(), stop_requested);
}

}  // namespace kumiko
