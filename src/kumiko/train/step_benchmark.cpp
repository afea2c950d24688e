#include "kumiko/train/step_benchmark.h"

#include <sys/resource.h>

#include <algorithm>
#include <numeric>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"
#include "kumiko/kernels/machine.h"
#include "kumiko/model/canonical.h"
#include "kumiko/model/presets.h"
#include "kumiko/train/rank_placement.h"
#include "kumiko/train/step.h"

namespace kumiko {
namespace {

MicroBatch synthetic_batch(const ModelOptions& model, const StepBenchmarkOptions& options, int rank, MemoryPool& pool) {
  const Shape shape{options.micro_batch_size, options.seq_length};
  const PhiloxKey key = random_key(0, RandomStream::test, static_cast<uint64_t>(rank));
  uint64_t next = 0;
  const auto random_tokens = [&] {
    const Tensor tokens = Tensor::empty(pool, shape, DType::i32, MemoryPurpose::workspace);
    for (int32_t& token : tokens.elements<int32_t>()) {
      token = static_cast<int32_t>(random_bits(key, next++) % static_cast<uint64_t>(model.vocab_size));
    }
    return tokens;
  };
  return {random_tokens(), random_tokens(), rank * options.micro_batch_size};
}

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

StepBenchmark benchmark_step(const StepBenchmarkOptions& options, World& world) {
  if (options.micro_batch_size < 1 || options.seq_length < 1 || options.steps < 1 || options.warmup < 0 ||
      options.num_layers < 0) {
    throw_user(
        "micro-batch size {}, sequence length {} and steps {} must be 1 or more, warm-up {} and layers {} 0 or more",
        options.micro_batch_size, options.seq_length, options.steps, options.warmup, options.num_layers);
  }
  if (options.reproducible && options.precision != Precision::fp32) {
    throw_user("--dtype {} with --reproducible: expected fp32", name_of(options.precision));
  }
  ModelOptions model;
  apply_preset(model, options.model);
  if (options.num_layers > 0) model.num_layers = options.num_layers;
  model.max_position_embeddings = std::max(model.max_position_embeddings, options.seq_length);

  StepBenchmark result;
  result.shape = ModelShape::of(model, options.seq_length);
  options.recompute.validate(model.num_layers);
  result.program_bytes = highest_resident_bytes();
  const double start = seconds_now();
  std::vector<int64_t> everyone(static_cast<size_t>(world.size()));
  std::iota(everyone.begin(), everyone.end(), 0);
  const auto data = world.communicator(Axis::data, everyone);
  ParallelOptions parallel;
  parallel.num_threads = options.num_threads;
  parallel.bind = options.bind;
  PlacedRank placed = place_rank(parallel, world, *data);
  result.num_threads = static_cast<int>(placed.num_threads);
  result.places = std::move(placed.places);
  const auto pool = MemoryPool::create();
  // The kernels' scratch stays, so nothing is lost by a pool of its own, and its share is seen.
  const auto scratch = MemoryPool::create();
  const auto kernels = make_cpu_kernels(scratch, result.num_threads, dtype_of(options.precision),
                                        options.reproducible ? LinearBackend::native : LinearBackend::automatic);
  OptimizerOptions optimizer;
  optimizer.lr_decay_style = DecayStyle::constant;
  TensorParallel part;
  if (options.reproducible) part.canonical_blocks = canonical_blocks(model);
  TrainingState state = make_training_state(model, optimizer, 1234, *kernels, *pool, DType::f32, part);
  const MicroBatch batch = synthetic_batch(model, options, world.rank(), *pool);
  result.setup_seconds = seconds_now() - start;

  RegionTimer timer;
  StepContext context{*kernels, *pool, &timer, dtype_of(options.precision)};
  context.recompute = options.recompute;
  context.reproducible = options.reproducible;
  const StepSettings settings{optimizer, BadValues::stop, world.size() * options.micro_batch_size * options.seq_length};
  for (int64_t step = -options.warmup; step < options.steps; ++step) {
    if (step == 0) timer.take();
    const double begin = seconds_now();
    result.loss = training_step(state, context, {batch}, *data, settings, false).loss;
    timer.end_step();
    if (step >= 0) result.seconds.push_back(seconds_now() - begin);
  }
  result.times = timer.take();

  std::vector<double> sorted = result.seconds;
  std::sort(sorted.begin(), sorted.end());
  result.median_seconds = sorted[sorted.size() / 2];
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
