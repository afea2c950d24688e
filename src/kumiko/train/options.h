// Options of a training run, in Megatron's terms. Those of models, optimizers and data stand with them.
#pragma once

#include <string>
#include <vector>

#include "kumiko/base/options.h"
#include "kumiko/comm/options.h"
#include "kumiko/kernels/kernels.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/model/recompute.h"
#include "kumiko/optim/loss_scale.h"
#include "kumiko/parallel/pipeline_plan.h"

namespace kumiko {

enum class BadValues : uint8_t { skip, stop };
enum class Bind : uint8_t { automatic, none };

struct TrainOptions {
  int64_t seq_length = 1024;
  int64_t micro_batch_size = 1;
  int64_t global_batch_size = 0;  // 0: micro_batch_size x data-parallel size
  int64_t train_iters = 1000;
  int64_t exit_interval = 0;
  double exit_duration_in_mins = 0;
  int64_t eval_interval = 0;
  int64_t eval_iters = 10;
  int64_t seed = 1234;
  BadValues on_bad_values = BadValues::stop;
  int64_t max_consecutive_skips = 10;
  RecomputeOptions recompute;
  Precision precision = Precision::fp32;
  LossScaleOptions loss_scale;
  LinearBackend linear_backend = LinearBackend::automatic;
  bool reproducible = false;

  void describe(OptionTable& table);
  void validate() const;
};

struct ParallelOptions {
  int64_t tensor_model_parallel_size = 1;
  bool sequence_parallel = false;
  int64_t tensor_model_parallel_chunks = 0;  // 0: default_token_chunks
  PipelineOptions pipeline;
  bool post_validation = false;
  int64_t data_parallel_size = 0;  // 0: what the other axes leave
  int64_t zero_stage = 0;
  int64_t zero_group_size = 0;  // 0: the data-parallel size
  std::string rank_order = to_string(default_rank_order);
  int64_t num_threads = 0;  // 0: as mesh/thread_count.h decides
  Bind bind = Bind::automatic;
  CommunicationOptions communication;

  void describe(OptionTable& table);
  void validate() const;
  // User error if the sizes do not make up so many ranks.
  Mesh mesh(int64_t num_ranks) const;
};

struct CheckpointingOptions {
  std::string save;
  std::string load;
  bool finetune = false;
  bool start_anew = false;
  int64_t save_interval = 0;
  bool async_save = true;
  int64_t keep_last = 0;

  void describe(OptionTable& table);
  void validate() const;
};

struct LoggingOptions {
  std::string run_dir;  // empty: checkpoint.save, or nothing is written
  int64_t log_interval = 1;
  int64_t breakdown_interval = 0;
  bool tensorboard = true;
  bool profile = false;
  int64_t profile_step_start = 10;
  int64_t profile_step_end = 12;
  std::vector<std::string> profile_ranks;  // numbers; empty: all
  std::string prometheus_file;             // empty: none
  int64_t prometheus_port = 0;             // 0: none
  std::string prometheus_address = "127.0.0.1";
  std::string wandb_project;  // empty: none
  std::string wandb_exp_name;

  void describe(OptionTable& table);
  void validate() const;
};

}  // namespace kumiko
