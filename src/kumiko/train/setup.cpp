#include "kumiko/train/setup.h"

#include <algorithm>
#include <numeric>

#include "kumiko/base/file.h"
#include "kumiko/base/log.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/comm/agreement.h"
#include "kumiko/model/canonical.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/train/folder_probe.h"
#include "kumiko/train/memory_limit.h"
#include "kumiko/train/rank_agreement.h"
#include "kumiko/train/rank_facts.h"
#include "kumiko/train/rank_placement.h"
#include "kumiko/train/reproducible.h"
#include "kumiko/train/restore.h"
#include "kumiko/train/state_checkpoint.h"
#include "kumiko/train/stream_step.h"

namespace kumiko {
namespace {

// Fills in the token that ends a document, where documents are to be kept apart.
void resolve_end_of_document(DataOptions& data, std::optional<int32_t> of_tokenizer, int64_t vocab_size) {
  if (!data.separates_documents()) {
    data.eod_token_id = -1;
    return;
  }
  if (data.eod_token_id < 0 && of_tokenizer) data.eod_token_id = *of_tokenizer;
  const char* option = data.reset_attention_mask ? "reset_attention_mask"
                       : data.reset_position_ids ? "reset_position_ids"
                                                 : "eod_mask_loss";
  if (data.eod_token_id < 0 && data.tokenizer.empty()) {
    throw_user(
        "data.{} = true needs to know which token ends a document: give data.tokenizer, that of the dataset, or the "
        "token's id as data.eod_token_id",
        option);
  }
  if (data.eod_token_id < 0) {
    throw_user(
        "data.{} = true needs to know which token ends a document, and data.tokenizer = {} has none (such as "
        "<|endoftext|>): give the token's id as data.eod_token_id",
        option, data.tokenizer);
  }
  if (data.eod_token_id >= vocab_size) {
    throw_user("data.eod_token_id = {} is not a token of the model, which has the ids 0 to {}", data.eod_token_id,
               vocab_size - 1);
  }
}

DocumentMask documents_of(const DataOptions& data) {
  return {data.reset_attention_mask, data.reset_position_ids, data.eod_mask_loss,
          static_cast<int32_t>(data.eod_token_id)};
}

// A dataset that was built without ends of documents would be trained on as if the options were not there.
void warn_without_ends(const SampleSource& samples, const DocumentMask& documents, int64_t seq_length) {
  constexpr int64_t tokens_looked_at = int64_t{1} << 20;
  std::vector<int32_t> sample(static_cast<size_t>(seq_length + 1));
  const int64_t count = std::min(samples.num_samples(), 1 + tokens_looked_at / seq_length);
  for (int64_t i = 0; i < count; ++i) {
    samples.sample(i, sample);
    if (std::find(sample.begin(), sample.end(), documents.end_of_document) != sample.end()) return;
  }
  log::warning(
      "none of the first {} samples holds the token that ends a document, {}: keeping documents apart changes nothing; "
      "build the dataset with `kumiko data build --append-eod`, or correct data.eod_token_id",
      count, documents.end_of_document);
}

// Fills in what options leave to the tokenizer and the ranks.
void resolve(Config& config, const World& world) {
  ModelOptions& model = config.model;
  TrainOptions& train = config.train;
  std::optional<int32_t> end_of_document;
  if (!config.data.tokenizer.empty()) {
    const Tokenizer tokenizer = load_tokenizer(config.data.tokenizer);
    end_of_document = tokenizer.end_of_document();
    const int64_t vocabulary = tokenizer.vocab_size();
    if (model.vocab_size == 0) model.vocab_size = vocabulary;
    if (model.vocab_size < num_required_rows(tokenizer)) {
      throw_user("model.vocab_size = {} is less than the {} tokens of data.tokenizer = {}", model.vocab_size,
                 vocabulary, config.data.tokenizer);
    }
  } else if (model.vocab_size == 0) {
    throw_user("neither model.vocab_size nor data.tokenizer is given: one of them must say how many tokens there are");
  }
  resolve_end_of_document(config.data, end_of_document, model.vocab_size);
  if (model.max_position_embeddings == 0) model.max_position_embeddings = train.seq_length;
  if (model.max_position_embeddings < train.seq_length) {
    throw_user("train.seq_length = {} is longer than the model's model.max_position_embeddings = {}", train.seq_length,
               model.max_position_embeddings);
  }
  model.fill_in_sizes();
  config.parallel.data_parallel_size = config.parallel.mesh(world.size()).size(Axis::data);
  if (config.parallel.tensor_model_parallel_chunks == 0) {
    config.parallel.tensor_model_parallel_chunks = default_token_chunks(train.micro_batch_size * train.seq_length);
  }
  if (train.global_batch_size == 0) {
    train.global_batch_size = train.micro_batch_size * config.parallel.data_parallel_size;
  }
  config.optimizer.resolve_schedule(train.train_iters);
}

BatchLayout layout_of(const Config& config, const World& world, const Mesh& mesh) {
  BatchLayout layout;
  layout.micro_batch_size = config.train.micro_batch_size;
  layout.global_batch_size = config.train.global_batch_size;
  layout.num_ranks = mesh.size(Axis::data);
  layout.rank = mesh.coordinate(world.rank(), Axis::data);
  layout.seq_length = config.train.seq_length;
  layout.validate();
  return layout;
}

// What the pipeline does in a step; none if each rank has all layers.
std::optional<PipelinePlan> plan_stages(const Config& config, const BatchLayout& batches) {
  const PipelineOptions& options = config.parallel.pipeline;
  if (options.size == 1) return std::nullopt;
  PipelinePlan plan = plan_pipeline(config.model, config.train.seq_length, options, batches.num_micro_batches());
  if (!plan.schedule.is_synchronous()) {
    check_stream(config.model, config.optimizer, LossScale::of(config.train.loss_scale, config.train.precision),
                 config.train.on_bad_values, config.parallel.zero_stage);
  }
  return plan;
}

// What ranks compare of a schedule, which is made by each of them.
std::string text_of(const Schedule& schedule) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  const auto add = [&hash](int64_t value) { hash = (hash ^ static_cast<uint64_t>(value)) * 0x100000001b3; };
  for (const std::vector<Action>& actions : schedule.actions) {
    for (const Action& action : actions) {
      for (const int64_t value : {int64_t{static_cast<int>(action.kind)}, int64_t{action.stage},
                                  int64_t{action.micro_batch}, int64_t{action.weight_version}}) {
        add(value);
      }
    }
  }
  return fmt::format("{}, {} stages, actions {:x}", schedule.name, schedule.num_stages(), hash);
}

// The same batches where a schedule cuts each micro-batch.
BatchLayout in_parts(BatchLayout layout, int64_t parts) {
  if (layout.micro_batch_size % parts != 0) {
    throw_user("train.micro_batch_size = {}: expected a multiple of {}, as the pipeline's schedule cuts micro-batches",
               layout.micro_batch_size, parts);
  }
  layout.micro_batch_size /= parts;
  return layout;
}

// This rank's part of the model.
TensorParallel tensor_parallel_of(const Config& config, const Mesh& mesh, int64_t rank) {
  TensorParallel part{mesh.size(Axis::tensor), mesh.coordinate(rank, Axis::tensor)};
  part.sequence_parallel = config.parallel.sequence_parallel && part.size > 1;
  if (config.train.reproducible) part.canonical_blocks = canonical_blocks(config.model);
  return part;
}

int64_t num_samples(const Config& config, int64_t num_batches) {
  return std::max<int64_t>(1, num_batches) * config.train.global_batch_size;
}

std::unique_ptr<SampleSource> samples_of(const Config& config, Split split, int64_t num_batches,
                                         std::vector<int64_t> planned = {}) {
  SampleRequest request;
  request.split = split;
  request.num_samples = num_samples(config, num_batches);
  request.planned = std::move(planned);
  request.seq_length = config.train.seq_length;
  request.seed = config.train.seed;
  request.vocab_size = static_cast<int32_t>(config.model.vocab_size);
  return make_sample_source(config.data, request);
}

std::vector<const FileLock*> lock_pointers(const RunStart& start) {
  std::vector<const FileLock*> locks;
  for (const auto& lock : start.locks) locks.push_back(lock.get());
  return locks;
}

std::vector<int64_t> all_ranks(const World& world) {
  std::vector<int64_t> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

}  // namespace

StepContext Run::context(RegionTimer* timer) const {
  StepContext context{*kernels, *pool, timer};
  context.seed = static_cast<uint64_t>(config.train.seed);
  context.recompute = config.train.recompute;
  context.dtype = dtype_of(config.train.precision);
  context.tensor = tensor.get();
  context.pipeline = pipeline.get();
  context.exchange = {config.parallel.sequence_parallel, config.parallel.tensor_model_parallel_chunks};
  context.reproducible = config.train.reproducible;
  return context;
}

StepSettings Run::step_settings() const {
  return {config.optimizer, config.train.on_bad_values, layout.tokens_per_step(), documents.eod_mask_loss};
}

std::string Run::run_directory() const {
  return config.logging.run_dir.empty() ? config.checkpoint.save : config.logging.run_dir;
}

static void prepare_saving(Run& run) {
  const CheckpointingOptions& options = run.config.checkpoint;
  // Nothing goes on behind the save at the end.
  if (!options.async_save || options.save_interval == 0) return;
  run.checkpoint_copy = run.writer->reserve(pieces_of(run.state, Copies::first), *run.pool);
}

// What a rank finds out by itself before it makes anything.
struct Prepared {
  Mesh mesh;
  std::optional<PipelinePlan> stages;
  BatchLayout layout;
  std::unique_ptr<SampleSource> train_samples;
  std::unique_ptr<SampleSource> valid_samples;
  DocumentMask documents;
};

// Local. Resolves `config` and checks everything that needs no other rank.
static Prepared prepare(Config& config, const World& world, std::unique_ptr<SampleSource> given_samples) {
  config.validate();
  resolve(config, world);
  config.model.validate();
  check_tensor_parallel(config.model, config.parallel.tensor_model_parallel_size);
  config.train.recompute.validate(config.model.num_layers);
  const Mesh mesh = config.parallel.mesh(world.size());
  check_sharding(config.parallel.zero_stage, config.parallel.zero_group_size, mesh.size(Axis::data));
  const BatchLayout batches = layout_of(config, world, mesh);
  const TensorParallel part = tensor_parallel_of(config, mesh, world.rank());
  const Sharding sharding = Sharding::of(config.parallel.zero_stage, config.parallel.zero_group_size,
                                         mesh.size(Axis::data), mesh.coordinate(world.rank(), Axis::data));
  check_memory_of_step(config, batches, part, sharding, world);
  std::optional<PipelinePlan> stages = plan_stages(config, batches);
  if (config.parallel.post_validation)
    check_validated_steps(config.parallel.pipeline, stages ? &stages->schedule : nullptr);
  const BatchLayout layout = stages ? in_parts(batches, stages->schedule.parts_per_micro_batch) : batches;
  if (config.parallel.sequence_parallel) {
    check_sequence_parallel(layout.micro_batch_size, layout.seq_length, config.parallel.tensor_model_parallel_size);
  }
  const TrainOptions& train = config.train;
  if (train.reproducible) {
    check_reproducible(config, mesh);
    if (stages) check_reproducible(stages->schedule);
  }
  Prepared prepared{mesh, std::move(stages), layout, std::move(given_samples), nullptr, documents_of(config.data)};
  if (!prepared.train_samples) prepared.train_samples = samples_of(config, Split::train, train.train_iters);
  if (train.eval_interval > 0) prepared.valid_samples = samples_of(config, Split::valid, train.eval_iters);
  return prepared;
}

// What this rank has read and made of it.
static std::vector<Fact> facts_read(Config& config, const Prepared& prepared, bool reads_datasets) {
  std::vector<Fact> facts = option_facts(config);
  if (!config.data.tokenizer.empty()) facts.push_back(tokenizer_fact(config.data.tokenizer));
  if (reads_datasets) {
    for (Fact& fact : dataset_facts(config.data, config.train.eval_interval > 0)) facts.push_back(std::move(fact));
  }
  if (prepared.stages) {
    facts.push_back({"the schedule of the pipeline", text_of(prepared.stages->schedule),
                     "Give every rank the same build of kumiko and the same parallel.pipeline_times."});
  }
  if (config.train.reproducible) {
    facts.push_back({"the kind of vectors", instruction_set(),
                     "train.reproducible = true needs processors with the same vectors on every node."});
  }
  return facts;
}

// The folders whose checkpoints decide where the run begins.
static void agree_on_checkpoints(const CheckpointingOptions& options, Communicator& all,
                                 const std::vector<RankInfo>& ranks) {
  if (all.size() == 1 || (options.load.empty() && options.save.empty())) return;
  const auto look = [&options] {
    std::vector<Fact> facts;
    if (!options.load.empty()) facts.push_back(checkpoints_fact("checkpoint.load", options.load));
    if (!options.save.empty() && options.save != options.load) {
      facts.push_back(checkpoints_fact("checkpoint.save", options.save));
    }
    return facts;
  };
  await_agreement(all, look, ranks);
}

Run set_up(Config config, World& world, std::shared_ptr<MemoryPool> pool, GivenParts given) {
  auto all = world.communicator(Axis::all, all_ranks(world));
  const std::vector<RankInfo>& ranks = world.ranks();
  std::vector<Fact> facts = option_facts(config);
  facts.insert(facts.begin(), program_fact());
  check_agreement(*all, facts, ranks);
  const bool read_own_samples = !given.train_samples;
  std::optional<Prepared> prepared;
  together(
      *all,
      [&] {
        const bool reads_datasets = !given.train_samples || config.train.eval_interval > 0;
        prepared.emplace(prepare(config, world, std::move(given.train_samples)));
        if (world.size() > 1) facts = facts_read(config, *prepared, reads_datasets);
        if (world.rank() == 0 && prepared->documents.any()) {
          warn_without_ends(*prepared->train_samples, prepared->documents, config.train.seq_length);
        }
      },
      ranks);
  check_agreement(*all, facts, ranks);
  agree_on_checkpoints(config.checkpoint, *all, ranks);
  const std::vector<int64_t> plan_of_this_start = {num_samples(config, config.train.train_iters)};
  RunStart start = begin_start(config, plan_of_this_start[0], *all);
  if (read_own_samples && start.planned_samples != plan_of_this_start) {
    const auto follow_plan = [&] {
      prepared->train_samples = samples_of(config, Split::train, config.train.train_iters, start.planned_samples);
    };
    together(*all, follow_plan, ranks);
  }
  const Mesh mesh = prepared->mesh;
  const TrainOptions& train = config.train;

  std::unique_ptr<Communicator> savers;
  std::unique_ptr<BackgroundWriter> writer;
  if (const CheckpointingOptions& saving = config.checkpoint; !saving.save.empty()) {
    savers = world.communicator(Axis::all, all_ranks(world));
    CheckpointOptions options{saving.save, saving.keep_last, {}};
    options.check_owner = [locks = lock_pointers(start)] {
      for (const FileLock* lock : locks) lock->check();
    };
    writer = std::make_unique<BackgroundWriter>(*savers, std::move(options));
  }
  // The communication's thread and the writer's are there now, to be placed too.
  PlacedRank placed = given.placed ? std::move(*given.placed) : place_rank(config.parallel, world, *all);
  config.parallel.num_threads = placed.num_threads;
  auto kernels = make_cpu_kernels(pool, static_cast<int>(config.parallel.num_threads), dtype_of(train.precision),
                                  linear_backend_of(train));
  const auto axis = [&](Axis name) { return world.communicator(name, mesh.group(world.rank(), name)); };
  const TensorParallel part = tensor_parallel_of(config, mesh, world.rank());
  const Sharding sharding = Sharding::of(config.parallel.zero_stage, config.parallel.zero_group_size,
                                         mesh.size(Axis::data), mesh.coordinate(world.rank(), Axis::data));
  auto data = connect_data_axis(world, mesh, sharding);
  auto tensor = mesh.size(Axis::tensor) > 1 ? axis(Axis::tensor) : nullptr;
  std::unique_ptr<Pipeline> pipeline;
  if (prepared->stages) {
    pipeline = std::make_unique<Pipeline>(connect_pipeline(world, mesh, std::move(*prepared->stages), config.model));
  }
  std::optional<TrainingState> state;
  const auto make_state = [&] {
    state.emplace(make_training_state(config.model, config.optimizer, static_cast<uint64_t>(train.seed), *kernels,
                                      *pool, DType::f32, part, sharding, pipeline ? pipeline->part : PipelinePart{}));
    state->loss_scale = LossScale::of(train.loss_scale, train.precision);
  };
  together(*all, make_state, ranks);
  Run run{std::move(config),
          world,
          mesh,
          std::move(all),
          std::move(data),
          std::move(tensor),
          std::move(pipeline),
          std::move(pool),
          std::move(kernels),
          std::move(prepared->train_samples),
          std::move(prepared->valid_samples),
          prepared->layout,
          prepared->documents,
          std::move(*state),
          std::move(start),
          std::move(savers),
          std::move(writer),
          "",
          std::move(placed)};
  if (run.config.parallel.post_validation) {
    run.validated = std::make_unique<ValidatedSteps>(world, mesh, *run.pipeline, run.state, *run.pool);
  }
  together(
      *run.everyone, [&run] { restore(run); }, ranks);
  probe_folders(run);
  prepare_folders(run.config, run.start, *run.everyone);
  if (run.writer) prepare_saving(run);
  return run;
}

}  // namespace kumiko
