#include "kumiko/train/step_benchmark.h"

#include <sys/resource.h>

#include <algorithm>
#include <numeric>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"
#include "kumiko/kernels/machine.h"
#include "kumiko/model/canonical.h"
#include "kumiko/model/presets.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/memory_limit.h"
#include "kumiko/train/rank_placement.h"
#include "kumiko/train/reproducible.h"
#include "kumiko/train/step.h"
#include "kumiko/train/synthetic_samples.h"

namespace kumiko {
namespace {

int64_t highest_resident_bytes() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

StepMemory accounted_by(const MemoryPool& pool, const MemoryPool& scratch) {
  StepMemory memory;
  for (int i = 0; i < num_memory_purposes; ++i) {
    const auto purpose = static_cast<MemoryPurpose>(i);
    memory.peaks[static_cast<size_t>(i)] = pool.use(purpose).peak + scratch.use(purpose).peak;
  }
  memory.peak = pool.total().peak + scratch.total().peak;
  return memory;
}

}  // namespace

void StepBenchmarkOptions::validate() const {
  if (micro_batch_size < 1 || seq_length < 1 || steps < 1 || warmup < 0 || num_layers < 0) {
    throw_user(
        "micro-batch size {}, sequence length {} and steps {} must be 1 or more, warm-up {} and layers {} 0 or more",
        micro_batch_size, seq_length, steps, warmup, num_layers);
  }
}

Config benchmark_config(const StepBenchmarkOptions& options) {
  Config config;
  apply_preset(config.model, options.model);
  if (options.num_layers > 0) config.model.num_layers = options.num_layers;
  config.model.max_position_embeddings = std::max(config.model.max_position_embeddings, options.seq_length);
  config.data.data_path = {"synthetic"};  // there must be a name; samples are given, not read
  config.train.micro_batch_size = options.micro_batch_size;
  config.train.seq_length = options.seq_length;
  config.train.precision = options.precision;
  config.train.recompute = options.recompute;
  config.train.reproducible = options.reproducible;
  config.optimizer.lr_decay_style = DecayStyle::constant;
  config.parallel = options.parallel;
  OptionTable table = config.table();
  for (const auto& [name, text] : options.settings) table.set(name, text, "command line");
  config.train.recompute.validate(config.model.num_layers);
  return config;
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

StepBenchmark benchmark_step(const StepBenchmarkOptions& options, World& world) {
  options.validate();
  if (options.reproducible && options.precision != Precision::fp32) {
    throw_user("--dtype {} with --reproducible: expected fp32", name_of(options.precision));
  }
  const Config config = benchmark_config(options);
  const ModelOptions& model = config.model;
  const BatchLayout layout{options.micro_batch_size, world.size() * options.micro_batch_size, world.size(),
                           world.rank(), options.seq_length};
  TensorParallel part;
  check_memory_of_step(config, layout, part, {}, world);
  StepBenchmark result;
  result.shape = ModelShape::of(model, options.seq_length);
  result.program_bytes = highest_resident_bytes();
  const double start = seconds_now();
  std::vector<int64_t> everyone(static_cast<size_t>(world.size()));
  std::iota(everyone.begin(), everyone.end(), 0);
  const auto data = world.communicator(Axis::data, everyone);
  PlacedRank placed = place_rank(options.parallel, world, *data);
  result.num_threads = static_cast<int>(placed.num_threads);
  result.places = std::move(placed.places);
  const auto pool = MemoryPool::create();
  // The kernels' scratch stays, so nothing is lost by a pool of its own, and its share is seen.
  const auto scratch = MemoryPool::create();
  const auto kernels =
      make_cpu_kernels(scratch, result.num_threads, dtype_of(options.precision), linear_backend_of(config.train));
  if (config.train.reproducible) part.canonical_blocks = canonical_blocks(model);
  TrainingState state = make_training_state(model, config.optimizer, 1234, *kernels, *pool, DType::f32, part);
  const auto batches = load_micro_batches(*make_synthetic_samples(model.vocab_size), layout, 0, {}, *pool);
  result.setup_seconds = seconds_now() - start;

  RegionTimer timer;
  StepContext context{*kernels, *pool, &timer, dtype_of(options.precision)};
  context.recompute = options.recompute;
  context.reproducible = config.train.reproducible;
  const StepSettings settings{config.optimizer, BadValues::stop, layout.tokens_per_step()};
  for (int64_t step = -options.warmup; step < options.steps; ++step) {
    if (step == 0) timer.take();
    const double begin = seconds_now();
    result.loss = training_step(state, context, batches, *data, settings, false).loss;
    timer.end_step();
    if (step >= 0) result.seconds.push_back(seconds_now() - begin);
  }
  result.times = timer.take();

  result.median_seconds = median_of(result.seconds);
  result.tokens_per_second = static_cast<double>(settings.tokens_per_step) / result.median_seconds;
  result.flops_per_second =
      result.tokens_per_second * flops_per_token(result.shape) / static_cast<double>(world.size());
  result.resident_bytes = highest_resident_bytes();
  result.accounted = accounted_by(*pool, *scratch);
  result.reserved_bytes = pool->reserved() + scratch->reserved();
  StepMemoryShape memory;
  memory.micro_batch_size = options.micro_batch_size;
  memory.seq_length = options.seq_length;
  memory.compute = dtype_of(options.precision);
  memory.recompute = options.recompute;
  memory.tensor_parallel = part;
  memory.kernel_workspace = result.kernel_scratch = scratch->use(MemoryPurpose::workspace).peak;
  result.predicted = step_memory(model, memory);
  result.peak = measure_ceilings(result.num_threads).fma_f32;
  return result;
}

}  // namespace kumiko
