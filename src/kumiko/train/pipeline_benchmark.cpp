#include "kumiko/train/pipeline_benchmark.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "kumiko/base/error.h"
#include "kumiko/comm/agreement.h"
#include "kumiko/schedule/dependencies.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/pipeline_timeline.h"
#include "kumiko/train/setup.h"
#include "kumiko/train/synthetic_samples.h"

namespace kumiko {
namespace {

using Records = std::vector<std::vector<ActionRecord>>;  // of each rank

Config config_of(const PipelineBenchmarkOptions& options, const std::string& schedule, const World& world) {
  Config config = benchmark_config(options.step);
  config.parallel.pipeline.size = world.size();
  config.parallel.pipeline.schedule = schedule;
  if (options.emulates()) config.parallel.pipeline.rank_times = options.times;
  config.train.global_batch_size = options.num_micro_batches * config.train.micro_batch_size;
  config.train.train_iters = options.step.warmup + options.step.steps;
  return config;
}

double median_or_zero(const std::vector<double>& values) { return values.empty() ? 0 : median_of(values); }

// What F, and B, of a whole micro-batch at each stage add to what its rank holds.
std::vector<StageMemory> stage_memory(const Schedule& schedule, const Records& records,
                                      const std::vector<double>& base) {
  const auto num_stages = static_cast<size_t>(schedule.num_stages());
  std::vector<std::vector<double>> forward(num_stages);
  std::vector<std::vector<double>> backward(num_stages);
  for (size_t rank = 0; rank < records.size(); ++rank) {
    double before = base[rank];
    for (size_t i = 0; i < records[rank].size(); ++i) {
      const Action& action = schedule.actions[rank][i];
      const auto held = static_cast<double>(records[rank][i].held);
      const auto stage = static_cast<size_t>(action.stage);
      if (action.kind == ActionKind::forward) forward[stage].push_back(held - before);
      if (action.kind == ActionKind::backward) backward[stage].push_back(held - before);
      before = held;
    }
  }
  std::vector<StageMemory> memory;
  for (size_t stage = 0; stage < num_stages; ++stage) {
    const double parts = schedule.parts_per_micro_batch;
    const double activations = parts * median_or_zero(forward[stage]);
    memory.push_back({activations, activations + parts * median_or_zero(backward[stage])});
  }
  return memory;
}

// T_c: from the end of the action that makes a message to the beginning of one that has waited for it, in the middle.
double transfer_of(const Timeline& timeline) {
  const Schedule& schedule = timeline.schedule;
  std::map<std::tuple<MessageKind, int, int>, double> made;  // by kind, stage and micro-batch
  for (size_t rank = 0; rank < timeline.times.size(); ++rank) {
    for (size_t i = 0; i < timeline.times[rank].size(); ++i) {
      const Action& action = schedule.actions[rank][i];
      if (action.kind == ActionKind::weight) continue;
      made[{message_kind(action), action.stage, action.micro_batch}] = timeline.times[rank][i].end;
    }
  }
  std::vector<double> delays;
  for (size_t rank = 0; rank < timeline.times.size(); ++rank) {
    for (size_t i = 1; i < timeline.times[rank].size(); ++i) {
      const Action& action = schedule.actions[rank][i];
      const int from = input_stage(action, schedule.num_stages());
      if (from == no_stage || schedule.rank_of(from, action.micro_batch) == static_cast<int>(rank)) continue;
      const double ready = made.at({message_kind(action), from, action.micro_batch});
      if (ready > timeline.times[rank][i - 1].end) delays.push_back(timeline.times[rank][i].begin - ready);
    }
  }
  return median_or_zero(delays);
}

ScheduleCosts costs_of(const PipelineBenchmarkOptions& options, const Timeline& timeline) {
  const Schedule& schedule = timeline.schedule;
  const double transfer = transfer_of(timeline);
  if (!options.emulates()) return mean_costs(timeline, transfer);
  const StageTimes& times = options.times;
  const int per_rank = schedule.num_stages() / schedule.num_ranks();
  return uniform_costs(schedule.num_stages(), per_rank, {1e3 * times.forward, 1e3 * times.backward, 1e3 * times.weight},
                       transfer);
}

// Of one stage and one micro-batch of the schedule.
StageTimes emulated_times(const PipelineBenchmarkOptions& options, const Schedule& schedule) {
  const double parts = static_cast<double>(schedule.num_stages()) / schedule.num_ranks() *
                       static_cast<double>(schedule.parts_per_micro_batch);
  return {options.times.forward / parts, options.times.backward / parts, options.times.weight / parts};
}

struct MeasuredStep {
  Records records;
  double seconds = 0;
};

PipelineMeasurement summary_of(const PipelineBenchmarkOptions& options, Run& run, std::vector<MeasuredStep> steps,
                               const std::vector<double>& base) {
  const Schedule& schedule = run.pipeline->schedule;
  std::vector<TimelineFile> files;
  std::vector<size_t> order;
  for (size_t i = 0; i < steps.size(); ++i) {
    files.push_back(timeline_of(*run.pipeline, steps[i].records));
    order.push_back(i);
  }
  const auto bubble = [&](size_t i) { return facts_of(files[i].timeline).bubble_rate; };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return bubble(a) < bubble(b); });
  const size_t middle = order[order.size() / 2];
  const Records& records = steps[middle].records;
  ScheduleCosts costs = costs_of(options, files[middle].timeline);
  costs.memory = stage_memory(schedule, records, base);
  PipelineMeasurement result;
  result.transfer_ms = costs.transfer;
  result.bubble_rate = bubble(middle);
  result.step_seconds = steps[middle].seconds;
  result.simulation = simulate(schedule, costs);
  for (size_t rank = 0; rank < records.size(); ++rank) {
    double peak = 0;
    double in_flight = 0;
    for (const ActionRecord& record : records[rank]) {
      peak = std::max(peak, static_cast<double>(record.held));
      in_flight = std::max(in_flight, static_cast<double>(record.in_flight));
    }
    result.peak_bytes.push_back(peak - base[rank]);
    result.peak_activations.push_back(in_flight * schedule.num_ranks() / schedule.num_stages() /
                                      schedule.parts_per_micro_batch);
  }
  result.file = std::move(files[middle]);
  return result;
}

PipelineMeasurement measure(const PipelineBenchmarkOptions& options, const std::string& schedule, World& world) {
  GivenParts given;
  const Config config = config_of(options, schedule, world);
  given.train_samples = make_synthetic_samples(config.model.vocab_size);
  Run run = set_up(config, world, MemoryPool::create(), std::move(given));
  StepContext context = run.context(nullptr);
  const StageTimes emulated = emulated_times(options, run.pipeline->schedule);
  if (options.emulates()) context.emulated_times = &emulated;
  std::vector<MeasuredStep> steps;
  std::vector<double> base;
  for (int64_t step = -options.step.warmup; step < options.step.steps; ++step) {
    const auto micro_batches =
        load_micro_batches(*run.train_samples, run.layout, run.state.step, run.documents, *run.pool);
    const auto held = static_cast<double>(run.pool->use(MemoryPurpose::stash).current +
                                          run.pool->use(MemoryPurpose::workspace).current);
    std::vector<ActionRecord> records;
    context.action_records = &records;
    run.everyone->barrier("benchmark").wait();
    training_step(run.state, context, micro_batches, run.data.axis(), run.step_settings(), false);
    if (step < 0) continue;
    MeasuredStep measured{gather_records(records, *run.everyone), 0};
    measured.seconds = records.back().time.end - records.front().time.begin;
    steps.push_back(std::move(measured));
    if (base.empty()) {
      for (const std::string& text : gather_text(*run.everyone, fmt::format("{}", held)))
        base.push_back(std::stod(text));
    }
  }
  return summary_of(options, run, std::move(steps), base);
}

}  // namespace

void PipelineBenchmarkOptions::validate() const {
  step.validate();
  if (num_micro_batches < 1) throw_user("micro-batches = {}: expected 1 or more", num_micro_batches);
  for (const double time : {times.forward, times.backward, times.weight}) {
    if (!(time >= 0)) throw_user("time of an action = {}: expected seconds, 0 or more", time);
  }
}

std::vector<PipelineMeasurement> benchmark_pipeline(const PipelineBenchmarkOptions& options, World& world) {
  options.validate();
  if (world.size() < 2) throw_user("a pipeline needs ranks: start this with mpiexec -n N, of 2 or more");
  std::vector<std::string> names = options.schedules;
  if (names.empty()) {
    for (const ScheduleGenerator& generator : schedule_generators()) {
      if (generator.synchronous) names.emplace_back(generator.name);
    }
  }
  std::vector<PipelineMeasurement> results;
  for (const std::string& name : names) {
    try {
      results.push_back(measure(options, name, world));
    } catch (const Error& error) {
      // All ranks alike, before anything has started.
      if (error.kind() != ErrorKind::user || !options.schedules.empty()) throw;
      results.emplace_back();
      results.back().refusal = error.what();
      results.back().file.timeline.schedule.name = name;
    }
  }
  return results;
}

}  // namespace kumiko
