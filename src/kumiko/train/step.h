// One training step, from micro-batches to updated weights: the heart of the program, in one sitting.
#pragma once

#include <string>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/model/model.h"
#include "kumiko/optim/loss_scale.h"
#include "kumiko/optim/optimizer.h"
#include "kumiko/parallel/accumulate.h"
#include "kumiko/parallel/parameter_storage.h"
#include "kumiko/train/options.h"
#include "kumiko/train/stop_wish.h"

namespace kumiko {

// What training changes, and a checkpoint keeps.
struct TrainingState {
  Model model;
  std::unique_ptr<ParameterStorage> storage;
  std::unique_ptr<Optimizer> optimizer;  // of storage->owned()
  int64_t step = 0;                      // steps finished
  int64_t updates = 0;                   // of them, those that changed the weights (a skipped step does not)
  LossScale loss_scale = LossScale::constant(1);
};

// Builds the model, or this rank's part of it, and its optimizer, with values drawn from `seed`.
TrainingState make_training_state(const ModelOptions& model, const OptimizerOptions& optimizer, uint64_t seed,
                                  Kernels& kernels, MemoryPool& pool, DType dtype = DType::f32,
                                  TensorParallel tensor_parallel = {}, const Sharding& sharding = {},
                                  const PipelinePart& pipeline = {});
// Call after the weights have been given other values.
void weights_changed(TrainingState& state, Kernels& kernels);

struct StepSettings {
  OptimizerOptions optimizer;  // lr_decay_iters filled in
  BadValues on_bad_values = BadValues::stop;
  int64_t tokens_per_step = 0;  // of the global batch
  bool loss_mask = false;       // targets may be -1: the loss is the mean over those that are not
};

// A step had NaN or Inf, and nothing may go on: the weights are still those of the step before.
struct BadValuesError : Error {
  explicit BadValuesError(const std::string& message) : Error(ErrorKind::user, message) {}
};

struct StepResult {
  int64_t step = 0;          // steps finished with it
  double loss = 0;           // mean over the tokens of the global batch that count
  double gradient_norm = 0;  // global, before clipping, without the loss scale
  double lr = 0;
  double loss_scale = 1;  // that this step ran with
  bool skipped = false;
  bool overflow = false;        // skipped because the loss scale was too large for the gradients
  bool stop_requested = false;  // by any rank
};

// Forward and backward of this rank's micro-batches, gradient sum over `data`, clipping, update of this rank's shards.
// A NaN or Inf in the loss or the gradient leaves the weights unchanged: the step is skipped, or a user error names the
// tensors, as the settings say. But gradients that are not finite though the loss is, under a dynamic loss scale that
// can still fall, only skip the step and count as an overflow. `stop` is this rank's wish to stop after the step.
StepResult training_step(TrainingState& state, StepContext context, const std::vector<MicroBatch>& micro_batches,
                         const DataAxis& data, const StepSettings& settings, const StopWish& stop);

}  // namespace kumiko
