#include "kumiko/train/train.h"

#include <algorithm>
#include <numeric>

#include "kumiko/base/clock.h"
#include "kumiko/base/text.h"
#include "kumiko/kernels/machine.h"
#include "kumiko/parallel/exact_reduce.h"
#include "kumiko/train/next_steps.h"
#include "kumiko/train/profiler.h"
#include "kumiko/train/run_report.h"
#include "kumiko/train/saving.h"
#include "kumiko/train/setup.h"
#include "kumiko/train/signals.h"

namespace kumiko {
namespace {

// Mean loss over train.eval_iters global batches of the validation split, the same ones each time.
double evaluate(Run& run, RegionTimer& timer) {
  const PhaseSpan phase(timer, Phase::evaluation);
  const StepContext context = run.context(&timer);
  std::vector<double> losses;
  int64_t tokens = 0;
  for (int64_t batch = 0; batch < run.config.train.eval_iters; ++batch) {
    const auto micro_batches = load_micro_batches(*run.valid_samples, run.layout, batch, run.documents, *run.pool);
    for (const MicroBatch& micro_batch : micro_batches) tokens += num_loss_tokens(micro_batch);
    WeightGatherer weights(run.data.axis(), *run.state.storage, run.state.model, context);
    const std::vector<double> more = evaluate_loss(run.state.model, context, micro_batches, weights);
    losses.insert(losses.end(), more.begin(), more.end());
  }
  const Tensor total = Tensor::empty(*run.pool, {2}, DType::f64, MemoryPurpose::communication);
  total.data<double>()[0] = std::accumulate(losses.begin(), losses.end(), 0.0);
  total.data<double>()[1] = static_cast<double>(tokens);
  run.data.ranks->all_reduce(total, ReduceOp::sum, "validation loss").wait();
  Communicator* const stages = run.pipeline ? run.pipeline->ranks.get() : nullptr;
  if (stages != nullptr) {
    if (stages->rank() > 0) total.data<double>()[1] = 0;  // all of them have read the same tokens
    stages->all_reduce(total, ReduceOp::sum, "validation loss").wait();
  }
  const double all_tokens = std::max(1.0, total.data<double>()[1]);
  if (!context.reproducible) return total.data<double>()[0] / all_tokens;
  return sum_exactly(losses, {run.data.ranks.get(), stages}, "validation loss", *run.pool) / all_tokens;
}

// Of the steps that come next, the one that a trace is told of: the first that it is to have, if any.
int64_t traced_step(const Run& run) {
  const int64_t last = run.state.step + num_next_steps(run);
  return std::max(run.state.step + 1, std::min(run.config.logging.profile_step_start, last));
}

bool due(int64_t step, int64_t interval) { return interval > 0 && step % interval == 0; }

}  // namespace

void train(const Config& config, World& world, std::shared_ptr<MemoryPool> pool) {
  Run run = [&] {
    const LongActivity activity(world.progress(), "setting up the run");
    return set_up(config, world, std::move(pool));
  }();
  const TrainOptions& options = run.config.train;
  RunReport report(run, cached_ceilings(static_cast<int>(run.config.parallel.num_threads)).fma_f32);
  report.show_summary();
  const StopSignals signals(report.signal_answer());
  RegionTimer timer;
  timer.note_to(&world.progress());
  Profiler profiler(run.config.logging, {world, timer, run.pool, run.run_directory()});
  TrainingState& state = run.state;
  RunSaving saving(run, report, timer, profiler);
  double last_end = seconds_now();
  const int64_t begin_step = state.step;
  bool stop = false;

  while (state.step < options.train_iters && !stop) {
    profiler.begin_step(traced_step(run));
    world.progress().set_step(state.step + 1);
    const double begin = seconds_now();
    const int64_t first_step = state.step;
    const std::vector<StepResult> results = take_next_steps(run, timer, profiler, signals.received() != 0);
    const auto count = static_cast<double>(state.step - first_step);
    const double step_seconds = (seconds_now() - begin) / count;
    for (int64_t step = first_step; step < state.step; ++step) timer.end_step();
    profiler.end_step();

    stop = (!results.empty() && results.back().stop_requested) || due(state.step, options.exit_interval);
    std::optional<double> validation_loss;
    if (run.valid_samples && (due(state.step, options.eval_interval) || state.step == options.train_iters)) {
      report.activity("evaluating");
      validation_loss = evaluate(run, timer);
      report.activity("");
    }
    const double end = seconds_now();
    saving.tell();
    for (const StepResult& result : results) {
      const bool last = &result == &results.back();
      report.step(result, step_seconds, (end - last_end) / count, last ? validation_loss : std::nullopt);
    }
    last_end = end;
    if (due(state.step, run.config.checkpoint.save_interval)) saving.save();
    const int64_t interval = run.config.logging.breakdown_interval;
    if (interval > 0 && state.step / interval > first_step / interval) report.show_breakdown(timer.take());
  }

  saving.finish();
  profiler.finish();
  const RegionTimes rest = timer.take();
  if (rest.steps > 0) report.show_breakdown(rest);
  if (run.validated) {
    report.say(fmt::format("early updates: {} of {} steps were corrected once all stages had been heard",
                           run.validated->num_corrected(), state.step - begin_step));
  }
  if (stop) {
    report.say(fmt::format("stopped after step {} of {}{}", state.step, options.train_iters,
                           run.writer ? "; the same command with checkpoint.load resumes" : ""));
  }
}

}  // namespace kumiko
