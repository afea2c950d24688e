#include "kumiko/train/options.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "kumiko/base/checked.h"
#include "kumiko/base/error.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

void require(bool holds, const char* name, int64_t value, const char* expected) {
  if (!holds) throw_user("{} = {}: expected {}", name, value, expected);
}

}  // namespace

void TrainOptions::describe(OptionTable& table) {
  table.section("train");
  table.add("seq_length", seq_length, "tokens a sample");
  table.add("micro_batch_size", micro_batch_size, "samples a rank computes at once");
  table.add("global_batch_size", global_batch_size,
            "samples a step on all ranks; 0 for micro_batch_size x data-parallel size");
  table.add("train_iters", train_iters, "steps in all, of this run and those it resumes");
  table.add("exit_interval", exit_interval, "save and stop when the step divides by this; 0 for never");
  table.add("exit_duration_in_mins", exit_duration_in_mins,
            "save and stop before so many minutes are over, from the start of the program; 0 for never");
  table.add("eval_interval", eval_interval, "steps between validations; 0 for none");
  table.add("eval_iters", eval_iters, "global batches a validation");
  table.add("seed", seed, "of the initial weights, the order of the data, and dropout");
  table.add_choice("on_bad_values", on_bad_values, {"skip", "stop"},
                   "what a step with NaN or Inf in its loss or gradient does");
  table.add("max_consecutive_skips", max_consecutive_skips,
            "with on_bad_values = \"skip\": stop when so many steps in a row were skipped; 0 for never");
  recompute.describe(table);
  table.add_choice("precision", precision, {"fp32", "bf16", "fp16"},
                   "what activations and their gradients are computed in; weights and optimizer state are fp32");
  loss_scale.describe(table);
  table.add_choice("linear_backend", linear_backend, linear_backend_names(),
                   "whose products linear layers take; automatic: our own");
  table.add("reproducible", reproducible, "the same bits of loss and weights on any number of ranks; fp32 only");
}

void TrainOptions::validate() const {
  require(seq_length >= 1, "train.seq_length", seq_length, "1 or more");
  require(micro_batch_size >= 1, "train.micro_batch_size", micro_batch_size, "1 or more");
  require(global_batch_size >= 0, "train.global_batch_size", global_batch_size, "0 or more");
  require(train_iters >= 0, "train.train_iters", train_iters, "0 or more");
  require(exit_interval >= 0, "train.exit_interval", exit_interval, "0 or more");
  if (!(exit_duration_in_mins >= 0)) {
    throw_user("train.exit_duration_in_mins = {}: expected 0 or more", exit_duration_in_mins);
  }
  require(max_consecutive_skips >= 0, "train.max_consecutive_skips", max_consecutive_skips, "0 or more");
  require(eval_interval >= 0, "train.eval_interval", eval_interval, "0 or more");
  require(eval_iters >= 1, "train.eval_iters", eval_iters, "1 or more");
  require(seed >= 0 && seed < int64_t{1} << 32, "train.seed", seed, "0 to 4294967295");
  loss_scale.validate();
  constexpr int64_t most_tokens = (int64_t{1} << 31) - 1;
  require(seq_length <= most_tokens, "train.seq_length", seq_length, "at most 2147483647");
  const auto tokens = checked_product({micro_batch_size, seq_length});
  if (!tokens || *tokens > int64_t{1} << 40) {
    throw_user(
        "train.micro_batch_size = {} x train.seq_length = {}: expected at most 2^40 tokens that a rank computes at "
        "once",
        micro_batch_size, seq_length);
  }
  require(global_batch_size <= int64_t{1} << 40, "train.global_batch_size", global_batch_size, "at most 2^40");
  const int64_t samples = std::max(global_batch_size, micro_batch_size);
  for (const auto& [name, steps] : {std::pair{"train_iters", train_iters}, std::pair{"eval_iters", eval_iters}}) {
    const auto all = checked_product({samples, steps});
    if (all && *all < int64_t{1} << 53) continue;
    throw_user("train.{} = {} x {} samples a step: expected fewer than 2^53 samples in all", name, steps, samples);
  }
}

void ParallelOptions::describe(OptionTable& table) {
  table.section("parallel");
  table.add("tensor_model_parallel_size", tensor_model_parallel_size, std::string(help_of(Axis::tensor)));
  table.add(
      "sequence_parallel", sequence_parallel,
      "these ranks share the tokens of norms, dropout and the residual stream too: less is kept for the backward");
  table.add(
      "tensor_model_parallel_chunks", tensor_model_parallel_chunks,
      "pieces of a micro-batch's tokens: while one is multiplied, another is exchanged; 0 for a number that suits "
      "how many tokens there are");
  table.add("pipeline_model_parallel_size", pipeline.size, std::string(help_of(Axis::pipeline)));
  table.add("pipeline_schedule", pipeline.schedule,
            "in what order they take the micro-batches of a step: `kumiko schedule list` names all");
  table.add("virtual_pipeline_model_parallel_size", pipeline.chunks,
            "stages of a rank, where the schedule leaves that open; 0 for 2");
  table.add("pipeline_pairs", pipeline.pairs, "of chimera: pipelines in each of the two directions");
  table.add(
      "pipeline_times", pipeline.times,
      "JSON file of each stage's measured times, for zb-1p, zb-2p and searched; empty for what its products suggest");
  table.add(
      "pipeline_stream_steps", pipeline.stream_steps,
      "steps that an asynchronous schedule takes in one stream; then the pipeline runs empty, as it does before a "
      "validation or a save");
  table.add(
      "post_validation", post_validation,
      "stages update their weights and begin the next step without waiting for the norm of the whole gradient, and do "
      "it anew where that says otherwise: the same bits, without a barrier, for a copy of weights and optimizer state");
  table.add("pipeline_memory_limit", pipeline.memory_limit,
            "micro-batches whose activations a rank may hold, for zb-1p, zb-2p and searched; 0 for what they are "
            "published with");
  table.add("data_parallel_size", data_parallel_size, std::string(help_of(Axis::data)));
  table.add("zero_stage", zero_stage,
            "what data-parallel ranks divide among themselves: 0 nothing, 1 the optimizer's state, 2 gradients too, "
            "3 weights too");
  table.add("zero_group_size", zero_group_size,
            "divide within groups of so many data-parallel ranks, each group a replica; 0 for all of them");
  table.add("rank_order", rank_order, std::string(rank_order_help));
  table.add("num_threads", num_threads,
            "threads a rank computes with; 0 for OMP_NUM_THREADS, else its share of the node's cores and CPU quota");
  table.add_choice("bind", bind, {"auto", "none"},
                   "auto gives each rank cores of its own, a core to each thread, and the memory beside them");
  communication.describe(table);
}

void ParallelOptions::validate() const {
  require(tensor_model_parallel_size >= 1, "parallel.tensor_model_parallel_size", tensor_model_parallel_size,
          "1 or more");
  require(tensor_model_parallel_chunks >= 0, "parallel.tensor_model_parallel_chunks", tensor_model_parallel_chunks,
          "0 or more");
  require(pipeline.size >= 1, "parallel.pipeline_model_parallel_size", pipeline.size, "1 or more");
  require(pipeline.chunks >= 0, "parallel.virtual_pipeline_model_parallel_size", pipeline.chunks, "0 or more");
  require(pipeline.pairs >= 1, "parallel.pipeline_pairs", pipeline.pairs, "1 or more");
  require(pipeline.stream_steps >= 1, "parallel.pipeline_stream_steps", pipeline.stream_steps, "1 or more");
  find_schedule(pipeline.schedule, "parallel.pipeline_schedule");
  if (!(pipeline.memory_limit >= 0)) {
    throw_user("parallel.pipeline_memory_limit = {}: expected 0 or more", pipeline.memory_limit);
  }
  require(data_parallel_size >= 0, "parallel.data_parallel_size", data_parallel_size, "0 or more");
  require(zero_stage >= 0 && zero_stage <= 3, "parallel.zero_stage", zero_stage, "0, 1, 2 or 3");
  require(zero_group_size >= 0, "parallel.zero_group_size", zero_group_size, "0 or more");
  parse_rank_order(rank_order);
  require(num_threads >= 0, "parallel.num_threads", num_threads, "0 or more");
  communication.validate();
  constexpr int64_t most = 1 << 20;
  require(tensor_model_parallel_chunks <= most, "parallel.tensor_model_parallel_chunks", tensor_model_parallel_chunks,
          "at most 1048576");
  require(pipeline.chunks <= most, "parallel.virtual_pipeline_model_parallel_size", pipeline.chunks, "at most 1048576");
  require(pipeline.pairs <= most, "parallel.pipeline_pairs", pipeline.pairs, "at most 1048576");
  require(pipeline.stream_steps <= most, "parallel.pipeline_stream_steps", pipeline.stream_steps, "at most 1048576");
  require(num_threads <= 1 << 16, "parallel.num_threads", num_threads, "at most 65536");
}

Mesh ParallelOptions::mesh(int64_t num_ranks) const {
  return Mesh::for_ranks(num_ranks, {data_parallel_size, pipeline.size, 1, tensor_model_parallel_size},
                         parse_rank_order(rank_order));
}

void CheckpointingOptions::describe(OptionTable& table) {
  table.section("checkpoint");
  table.add("save", save, "directory for checkpoints; none are written if empty");
  table.add("load", load,
            "directory to resume from, or one checkpoint of it; usually the same as save, and then it may be empty");
  table.add("finetune", finetune,
            "take only the weights of the checkpoint in load, and begin at step 0; if save holds a checkpoint already, "
            "this run is resumed from it");
  table.add("start_anew", start_anew,
            "begin a new run although save holds an old one, which is set aside in a folder beside it, SAVE.old-1");
  table.add("save_interval", save_interval, "steps between checkpoints; 0 for one at the end only");
  table.add("async_save", async_save,
            "whether training goes on while a checkpoint is written, from a copy in memory that is set aside for it");
  table.add("keep_last", keep_last, "checkpoints kept; 0 for all");
}

void CheckpointingOptions::validate() const {
  if (finetune && load.empty()) throw_user("checkpoint.finetune needs checkpoint.load: whose weights to begin with");
  if (finetune && plain_path(load) == plain_path(save)) {
    throw_user("checkpoint.save and checkpoint.load are both {}: with checkpoint.finetune, save another run elsewhere",
               load);
  }
  require(save_interval >= 0, "checkpoint.save_interval", save_interval, "0 or more");
  require(keep_last >= 0, "checkpoint.keep_last", keep_last, "0 or more");
}

void LoggingOptions::describe(OptionTable& table) {
  table.section("logging");
  table.add("run_dir", run_dir, "directory for metrics.jsonl and TensorBoard files; empty for checkpoint.save");
  table.add("log_interval", log_interval, "steps between lines");
  table.add("breakdown_interval", breakdown_interval, "steps between breakdowns by region; 0 for one at the end only");
  table.add("tensorboard", tensorboard, "whether to write TensorBoard event files");
  table.add("profile", profile, "whether to write a trace of the steps below, for Perfetto, to run_dir/trace");
  table.add("profile_step_start", profile_step_start, "the first step traced, as the log counts them");
  table.add("profile_step_end", profile_step_end, "the last step traced");
  table.add("profile_ranks", profile_ranks, "the ranks traced, as 0,1,8; empty for all");
  table.add("prometheus_file", prometheus_file,
            "file NAME.prom of the newest metrics, for node_exporter's textfile collector; empty for none");
  table.add("prometheus_port", prometheus_port, "port where rank 0 answers GET /metrics for Prometheus; 0 for none");
  table.add("prometheus_address", prometheus_address, "address it listens on; 0.0.0.0 for every IPv4 network");
  table.add("wandb_project", wandb_project,
            "project of an offline Weights & Biases run in run_dir/wandb, for `wandb sync`; empty for none");
  table.add("wandb_exp_name", wandb_exp_name, "name of that run");
}

void LoggingOptions::validate() const {
  require(log_interval >= 1, "logging.log_interval", log_interval, "1 or more");
  require(breakdown_interval >= 0, "logging.breakdown_interval", breakdown_interval, "0 or more");
  require(profile_step_start >= 1, "logging.profile_step_start", profile_step_start, "1 or more");
  require(profile_step_end >= profile_step_start, "logging.profile_step_end", profile_step_end,
          "logging.profile_step_start or more");
  require(prometheus_port >= 0 && prometheus_port <= 65535, "logging.prometheus_port", prometheus_port, "0 to 65535");
  if (!prometheus_file.empty() && !prometheus_file.ends_with(".prom")) {
    throw_user("logging.prometheus_file = {}: expected a name that ends with .prom; node_exporter reads no other",
               prometheus_file);
  }
}

}  // namespace kumiko
