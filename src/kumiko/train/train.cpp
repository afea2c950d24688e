#include "kumiko/train/train.h"

#include <algorithm>

#include "kumiko/base/clock.h"
#include "kumiko/base/text.h"
#include "kumiko/kernels/machine.h"
#include "kumiko/train/evaluation.h"
#include "kumiko/train/next_steps.h"
#include "kumiko/train/profiler.h"
#include "kumiko/train/run_report.h"
#include "kumiko/train/saving.h"
#include "kumiko/train/setup.h"
#include "kumiko/train/signals.h"
#include "kumiko/train/step_parts.h"
#include "kumiko/train/time_limit.h"

namespace kumiko {
namespace {

// Of the steps that come next, the one that a trace is told of: the first that it is to have, if any.
int64_t traced_step(const Run& run) {
  const int64_t last = run.state.step + num_next_steps(run);
  return std::max(run.state.step + 1, std::min(run.config.logging.profile_step_start, last));
}

// What the person does who wants a stopped run to go on.
std::string how_to_resume(const Run& run) {
  const CheckpointingOptions& options = run.config.checkpoint;
  if (!run.writer) return "nothing was saved (checkpoint.save is empty), so it cannot be resumed";
  if (!options.load.empty()) return "the same command resumes";
  return fmt::format("the same command with --checkpoint.load {} resumes", options.save);
}

bool due(int64_t step, int64_t interval) { return interval > 0 && step % interval == 0; }

TimeLimit time_limit_of(const Run& run, double begin) {
  // Until a save has been seen: a disk as slow as may be expected.
  constexpr double bytes_per_second = 100e6;
  const int64_t bytes =
      run.writer ? run.pool->use(MemoryPurpose::parameters).current + run.pool->use(MemoryPurpose::optimizer).current
                 : 0;
  return {run.config.train.exit_duration_in_mins, begin, static_cast<double>(bytes) / bytes_per_second};
}

// Counts the skipped steps in a row that no loss scale accounts for. User error if there are too many.
void count_skips(const std::vector<StepResult>& results, const TrainOptions& options, int64_t& in_a_row) {
  for (const StepResult& result : results) {
    if (!result.skipped) in_a_row = 0;
    if (!result.skipped || result.overflow) continue;
    if (++in_a_row < options.max_consecutive_skips || options.max_consecutive_skips == 0) continue;
    throw BadValuesError(fmt::format(
        "steps {} to {} were skipped, one after another, for NaN or Inf (train.max_consecutive_skips = {}); the "
        "weights are those of step {}. Lower optimizer.lr, look at the data of these steps, or go on from an earlier "
        "checkpoint",
        result.step - in_a_row + 1, result.step, options.max_consecutive_skips, result.step - in_a_row));
  }
}

}  // namespace

void train(const Config& config, World& world, std::shared_ptr<MemoryPool> pool, StopSignals& signals) {
  const double start = seconds_now();
  Run run = [&] {
    const LongActivity activity(world.progress(), "setting up the run");
    return set_up(config, world, std::move(pool));
  }();
  const TrainOptions& options = run.config.train;
  RunReport report(run, cached_ceilings(static_cast<int>(run.config.parallel.num_threads)).fma_f32);
  report.show_summary();
  signals.change(report.signal_answer(), run.writer ? StopSignals::in_training : StopSignals::without_saves);
  RegionTimer timer;
  timer.note_to(&world.progress());
  Profiler profiler(run.config.logging, {world, timer, run.pool, run.run_directory()});
  TrainingState& state = run.state;
  RunSaving saving(run, report, timer, profiler);
  double last_end = seconds_now();
  const int64_t begin_step = state.step;
  TimeLimit time_limit = time_limit_of(run, start);
  bool time_is_up = false;  // rank 0's clock counts
  const auto look_at_clock = [&](bool reached) { return time_is_up = time_is_up || (world.rank() == 0 && reached); };
  const StopWish wish(
      [&] { return signals.received() != 0 || look_at_clock(time_limit.reached_in_step(seconds_now())); });
  // What any rank wishes between two steps. Collective.
  const auto stop_is_wished = [&] {
    const double own = signals.received() != 0 || look_at_clock(time_limit.reached(seconds_now())) ? 1 : 0;
    return sum_over_ranks(*run.everyone, *run.pool, {own}, "stop")[0] > 0;
  };
  int64_t skips_in_a_row = 0;
  bool stop = stop_is_wished();

  if (state.step >= options.train_iters) {
    report.say(fmt::format("nothing to train: {} is of step {}, and train.train_iters = {}; a larger number goes on",
                           run.resumed_from.empty() ? "the run" : run.resumed_from, state.step, options.train_iters));
  }
  while (state.step < options.train_iters && !stop) {
    profiler.begin_step(traced_step(run));
    world.progress().set_step(state.step + 1);
    const double begin = seconds_now();
    const int64_t first_step = state.step;
    time_limit.note_longest_save(report.longest_save_seconds());
    time_limit.begin_step(begin);
    const std::vector<StepResult> results =
        saving.keep_last_good([&] { return take_next_steps(run, timer, profiler, wish); });
    time_limit.end_step(seconds_now());
    const auto count = static_cast<double>(state.step - first_step);
    const double step_seconds = (seconds_now() - begin) / count;
    for (int64_t step = first_step; step < state.step; ++step) timer.end_step();
    profiler.end_step();

    const bool asked_to_stop = !results.empty() && results.back().stop_requested;
    stop = asked_to_stop || due(state.step, options.exit_interval);
    std::optional<double> validation_loss;
    // Who asks a run to stop does not wait for a validation.
    if (run.valid_samples && !asked_to_stop &&
        (due(state.step, options.eval_interval) || state.step == options.train_iters)) {
      report.activity("evaluating");
      validation_loss = evaluate(run, timer, stop_is_wished);
      stop = stop || !validation_loss;
      report.activity("");
    }
    const double end = seconds_now();
    saving.tell();
    for (const StepResult& result : results) {
      const bool last = &result == &results.back();
      report.step(result, step_seconds, (end - last_end) / count, last ? validation_loss : std::nullopt);
    }
    last_end = end;
    saving.keep_last_good([&] { count_skips(results, options, skips_in_a_row); });
    if (!stop && due(state.step, run.config.checkpoint.save_interval)) {
      saving.save();
      stop = stop_is_wished();
    }
    const int64_t interval = run.config.logging.breakdown_interval;
    if (interval > 0 && state.step / interval > first_step / interval) report.show_breakdown(timer.take());
  }

  if (time_is_up) {
    report.say(fmt::format("train.exit_duration_in_mins = {} is nearly over", options.exit_duration_in_mins));
  }
  saving.finish();
  profiler.finish();
  const RegionTimes rest = timer.take();
  if (rest.steps > 0) report.show_breakdown(rest);
  if (run.validated) {
    report.say(fmt::format("early updates: {} of {} steps were corrected once all stages had been heard",
                           run.validated->num_corrected(), state.step - begin_step));
  }
  if (stop && state.step < options.train_iters) {
    report.say(fmt::format("stopped after step {} of {}; {}", state.step, options.train_iters, how_to_resume(run)));
  }
}

}  // namespace kumiko
