#include "kumiko/train/setup.h"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "kumiko/base/file.h"
#include "kumiko/base/log.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/comm/agreement.h"
#include "kumiko/comm/algorithms.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/train/kept_tokenizer.h"
#include "kumiko/train/rank_placement.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {
namespace {

// Fills in what options leave to the tokenizer and the ranks.
void resolve(Config& config, const World& world) {
  ModelOptions& model = config.model;
  TrainOptions& train = config.train;
  if (!config.data.tokenizer.empty()) {
    const int64_t vocabulary = load_tokenizer(config.data.tokenizer).vocab_size();
    if (model.vocab_size == 0) model.vocab_size = vocabulary;
    if (model.vocab_size < vocabulary) {
      throw_user("model.vocab_size = {} is less than the {} tokens of data.tokenizer = {}", model.vocab_size,
                 vocabulary, config.data.tokenizer);
    }
  } else if (model.vocab_size == 0) {
    throw_user("neither model.vocab_size nor data.tokenizer is given: one of them must say how many tokens there are");
  }
  if (model.max_position_embeddings == 0) model.max_position_embeddings = train.seq_length;
  if (model.max_position_embeddings < train.seq_length) {
    throw_user("train.seq_length = {} is longer than the model's model.max_position_embeddings = {}", train.seq_length,
               model.max_position_embeddings);
  }
  model.fill_in_sizes();
  if (config.parallel.data_parallel_size == 0) config.parallel.data_parallel_size = world.size();
  if (config.parallel.data_parallel_size != world.size()) {
    throw_user("parallel.data_parallel_size = {}, but {} rank{} started; leave it at 0, or start as many ranks",
               config.parallel.data_parallel_size, world.size(), world.size() == 1 ? "" : "s");
  }
  if (train.global_batch_size == 0) {
    train.global_batch_size = train.micro_batch_size * config.parallel.data_parallel_size;
  }
  if (config.optimizer.lr_decay_iters == 0) config.optimizer.lr_decay_iters = std::max<int64_t>(1, train.train_iters);
}

BatchLayout layout_of(const Config& config, const World& world) {
  BatchLayout layout;
  layout.micro_batch_size = config.train.micro_batch_size;
  layout.global_batch_size = config.train.global_batch_size;
  layout.num_ranks = config.parallel.data_parallel_size;
  layout.rank = world.rank();
  layout.seq_length = config.train.seq_length;
  layout.validate();
  return layout;
}

std::unique_ptr<SampleSource> samples_of(const Config& config, Split split, int64_t num_batches) {
  SampleRequest request;
  request.split = split;
  request.num_samples = std::max<int64_t>(1, num_batches) * config.train.global_batch_size;
  request.seq_length = config.train.seq_length;
  request.seed = config.train.seed;
  request.vocab_size = static_cast<int32_t>(config.model.vocab_size);
  return make_sample_source(config.data, request);
}

// Restores the newest checkpoint of checkpoint.load, if there is one.
void resume(Run& run) {
  const std::string& directory = run.config.checkpoint.load;
  if (directory.empty()) return;
  if (!read_latest(directory)) {
    if (run.world.rank() == 0) log::info("no checkpoint in {}: training from the beginning", directory);
    return;
  }
  CheckpointReader reader = CheckpointReader::open(directory);
  const RunRecord record = run_record_from_json(reader.manifest().state, reader.path().string());
  check_same_run(record, run.config, reader.path().string());
  load_pieces(reader, pieces_of(run.state));
  run.state.step = record.step;
  run.state.updates = record.updates;
  if (record.loss_scale) run.state.loss_scale.restore(*record.loss_scale);
  run.state.model.prepare(*run.kernels);
  run.resumed_from = reader.path().string();
}

}  // namespace

StepMemoryShape Run::memory_shape() const {
  StepMemoryShape memory;
  memory.micro_batch_size = layout.micro_batch_size;
  memory.seq_length = layout.seq_length;
  memory.num_micro_batches = layout.num_micro_batches();
  memory.compute = dtype_of(config.train.precision);
  memory.recompute = config.train.recompute;
  memory.optimizer_states = states_per_weight(config.optimizer);
  int64_t largest_unit = 0;
  const ParameterRegistry& parameters = state.model.parameters();
  for (int unit = 0; unit < parameters.num_units(); ++unit) {
    largest_unit = std::max(largest_unit, parameters.unit_gradients(unit).num_elements());
  }
  memory.communication = all_reduce_memory(largest_unit, DType::f32, world.size());
  return memory;
}

StepContext Run::context(RegionTimer* timer) const {
  StepContext context{*kernels, *pool, timer};
  context.seed = static_cast<uint64_t>(config.train.seed);
  context.recompute = config.train.recompute;
  context.dtype = dtype_of(config.train.precision);
  return context;
}

StepSettings Run::step_settings() const {
  return {config.optimizer, config.train.on_bad_values, layout.tokens_per_step()};
}

std::string Run::run_directory() const {
  return config.logging.run_dir.empty() ? config.checkpoint.save : config.logging.run_dir;
}

Run set_up(Config config, World& world, std::shared_ptr<MemoryPool> pool) {
  std::vector<int64_t> everyone(static_cast<size_t>(world.size()));
  std::iota(everyone.begin(), everyone.end(), 0);
  auto data = world.communicator(Axis::data, everyone);
  check_agreement(*data, "the configuration", config.to_toml());

  config.validate();
  resolve(config, world);
  config.model.validate();
  config.train.recompute.validate(config.model.num_layers);
  config.optimizer.validate();
  const BatchLayout layout = layout_of(config, world);
  const TrainOptions& train = config.train;
  auto train_samples = samples_of(config, Split::train, train.train_iters);
  auto valid_samples = train.eval_interval > 0 ? samples_of(config, Split::valid, train.eval_iters) : nullptr;

  PlacedRank placed = place_rank(config.parallel, world, *data);
  config.parallel.num_threads = placed.num_threads;
  auto kernels = make_cpu_kernels(pool, static_cast<int>(config.parallel.num_threads), dtype_of(train.precision),
                                  train.linear_backend);
  TrainingState state =
      make_training_state(config.model, config.optimizer, static_cast<uint64_t>(train.seed), *kernels, *pool);
  state.loss_scale = LossScale::of(train.loss_scale, train.precision);
  Run run{std::move(config),
          world,
          Mesh::of_data(world.size()),
          std::move(data),
          std::move(pool),
          std::move(kernels),
          std::move(train_samples),
          std::move(valid_samples),
          layout,
          std::move(state),
          std::nullopt,
          "",
          std::move(placed.places)};
  resume(run);
  if (!run.config.checkpoint.save.empty()) {
    if (world.rank() == 0) keep_tokenizer(run.config.data.tokenizer, run.config.checkpoint.save);
    run.writer.emplace(*run.data, CheckpointOptions{run.config.checkpoint.save, run.config.checkpoint.keep_last, {}});
  }
  return run;
}

SaveReport save_checkpoint(Run& run) {
  RunRecord record;
  record.step = run.state.step;
  record.updates = run.state.updates;
  record.consumed_samples = run.consumed_samples();
  record.consumed_tokens = run.consumed_tokens();
  record.config = run.config.to_toml();
  if (run.state.loss_scale.is_dynamic()) record.loss_scale = run.state.loss_scale.state();
  return run.writer->save(run.state.step, to_json(record), pieces_of(run.state));
}

}  // namespace kumiko
