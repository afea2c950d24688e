#include "kumiko/train/scaling_benchmark.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"
#include "kumiko/comm/first_ranks.h"
#include "kumiko/kernels/machine.h"
#include "kumiko/model/model.h"
#include "kumiko/parallel/sharding.h"
#include "kumiko/train/next_steps.h"
#include "kumiko/train/setup.h"
#include "kumiko/train/synthetic_samples.h"

namespace kumiko {
namespace {

Config config_of(const ScalingOptions& options, const ScalingRow& row) {
  Config config = benchmark_config(options.step);
  config.parallel = row.layout.apply(config.parallel);
  config.train.global_batch_size = row.global_batch_size;
  return config;
}

// What set_up would refuse, before the first layout runs.
void check(const ScalingOptions& options, const std::vector<ScalingRow>& rows, const World& world) {
  for (const ScalingRow& row : rows) {
    const Config config = config_of(options, row);
    const int64_t ranks = row.layout.num_ranks();
    if (ranks > world.size()) {
      throw_user("layout {} needs {} ranks, and there are {}: start with `mpiexec -n {}`, or leave it out of --layouts",
                 row.layout.name(), ranks, world.size(), ranks);
    }
    config.parallel.validate();
    config.model.validate();
    check_tensor_parallel(config.model, row.layout.tensor);
    check_sharding(config.parallel.zero_stage, config.parallel.zero_group_size, row.layout.data);
    BatchLayout{config.train.micro_batch_size, row.global_batch_size, row.layout.data, 0, config.train.seq_length}
        .validate();
  }
}

std::vector<ScalingRow> fill_in(ScalingOptions& options, const ModelOptions& model, const World& world) {
  if (options.rounds < 1) throw_user("rounds = {}: expected 1 or more", options.rounds);
  const bool strong = options.mode == ScalingMode::strong;
  if (options.global_batch_size < 0 || options.rank_batch_size < 0 || (!strong && options.global_batch_size > 0) ||
      (strong && options.rank_batch_size > 0)) {
    throw_user(
        "global batch size {} and batch size of a rank {}: expected the first in strong mode, the second in weak",
        options.global_batch_size, options.rank_batch_size);
  }
  if (options.layouts.empty()) options.layouts = default_layouts(world.size(), world.local_size(), model);
  const int64_t micro_batch_size = options.step.micro_batch_size;
  if (strong && options.global_batch_size == 0) {
    options.global_batch_size = least_global_batch(options.layouts, micro_batch_size);
  }
  if (!strong && options.rank_batch_size == 0) options.rank_batch_size = micro_batch_size;
  std::vector<ScalingRow> rows;
  for (const ScalingLayout& layout : options.layouts) {
    const int64_t batch = strong ? options.global_batch_size : options.rank_batch_size * layout.num_ranks();
    rows.push_back({layout, batch, {}, 0});
  }
  return rows;
}

// The numbers of a round that are averaged over the ranks, in one place for both directions.
template <class Visit>
void visit_means(ScalingRound& round, const Visit& visit) {
  for (RegionTime& time : round.times.rows) {
    auto nanoseconds = static_cast<double>(time.nanoseconds);
    visit(nanoseconds);
    time.nanoseconds = static_cast<int64_t>(nanoseconds);
  }
  for (AxisTraffic& traffic : round.traffic) {
    visit(traffic.bytes);
    visit(traffic.seconds);
    visit(traffic.exposed);
  }
}

void take_mean_over_ranks(ScalingRound& round, Run& run) {
  std::vector<double> values;
  visit_means(round, [&](double& value) { values.push_back(value); });
  const auto count = static_cast<int64_t>(values.size());
  const Tensor sums = Tensor::empty(*run.pool, {count}, DType::f64, MemoryPurpose::communication);
  std::copy(values.begin(), values.end(), sums.data<double>());
  run.everyone->all_reduce(sums, ReduceOp::sum, "report").wait();
  const double* sum = sums.data<double>();
  visit_means(round, [&](double& value) { value = *sum++ / run.world.size(); });
}

void add_traffic(ScalingRound& round, const std::vector<TrafficRow>& rows, int64_t steps) {
  const auto per_step = 1 / static_cast<double>(steps);
  for (const TrafficRow& row : rows) {
    AxisTraffic& traffic = round.traffic[static_cast<size_t>(row.axis)];
    traffic.bytes += static_cast<double>(row.bytes) * per_step;
    traffic.seconds += row.seconds * per_step;
    traffic.exposed += row.exposed * per_step;
  }
}

// One layout, once. Collective over its ranks.
ScalingRound run_round(const ScalingOptions& options, ScalingRow& row, World& ranks, const PlacedRank& placed) {
  GivenParts given;
  const Config config = config_of(options, row);
  given.train_samples = make_synthetic_samples(config.model.vocab_size);
  given.placed = placed;
  Run run = [&] {
    const LongActivity activity(ranks.progress(), "setting up a layout");
    return set_up(config, ranks, MemoryPool::create(), std::move(given));
  }();
  RegionTimer timer;
  timer.note_to(&ranks.progress());
  std::vector<double> seconds;
  for (int64_t step = -options.step.warmup; step < options.step.steps; ++step) {
    if (step == 0) {
      timer.take();
      ranks.reset_traffic();
    }
    const double begin = seconds_now();
    std::vector<MicroBatch> micro_batches;
    {
      const Span span(timer, Region::batch_generator);
      micro_batches = load_micro_batches(*run.train_samples, run.layout, run.state.step, run.documents, *run.pool);
    }
    for (const StepResult& known : take_step(run, run.context(&timer), micro_batches, false)) row.loss = known.loss;
    timer.end_step();
    if (step >= 0) seconds.push_back(seconds_now() - begin);
  }
  if (run.validated) {
    const auto last = run.validated->settle(run.state, run.context(&timer), run.data.axis(), run.step_settings());
    if (last) row.loss = last->loss;
  }
  ScalingRound round{median_of(seconds), timer.take(), {}};
  add_traffic(round, ranks.traffic(), options.step.steps);
  take_mean_over_ranks(round, run);
  return round;
}

}  // namespace

double ScalingRecord::flops_per_rank(const ScalingRow& row, double step_seconds) const {
  const auto tokens = static_cast<double>(row.global_batch_size * options.step.seq_length);
  return tokens * flops_per_token(shape) / step_seconds / static_cast<double>(row.layout.num_ranks());
}

ScalingRecord benchmark_scaling(ScalingOptions options, World& world) {
  options.step.validate();
  const Config base = benchmark_config(options.step);
  ScalingRecord record;
  record.rows = fill_in(options, base.model, world);
  check(options, record.rows, world);
  record.shape = ModelShape::of(base.model, options.step.seq_length);
  record.network = world.description();
  std::set<std::string> hosts;
  for (const RankInfo& rank : world.ranks()) hosts.insert(rank.host);
  record.num_hosts = static_cast<int64_t>(hosts.size());

  std::vector<int64_t> everyone(static_cast<size_t>(world.size()));
  std::iota(everyone.begin(), everyone.end(), 0);
  const auto all = world.communicator(Axis::all, everyone);
  const PlacedRank placed = place_rank(base.parallel, world, *all);
  record.num_threads = placed.num_threads;
  for (int64_t round = 0; round < options.rounds; ++round) {
    for (ScalingRow& row : record.rows) {
      if (world.rank() < row.layout.num_ranks()) {
        const auto ranks = first_ranks(world, row.layout.num_ranks());
        row.rounds.push_back(run_round(options, row, *ranks, placed));
      }
      all->barrier("other layouts").wait();
    }
  }
  for (ScalingRow& row : record.rows) {
    std::sort(row.rounds.begin(), row.rounds.end(),
              [](const ScalingRound& a, const ScalingRound& b) { return a.step_seconds < b.step_seconds; });
  }
  if (world.rank() == 0) {
    const MachineCeilings ceilings = cached_ceilings(static_cast<int>(placed.num_threads));
    record.peak = ceilings.fma_f32;
    record.cpu = ceilings.cpu;
  }
  record.options = std::move(options);
  return record;
}

}  // namespace kumiko
