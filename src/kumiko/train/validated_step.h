// Training steps through a pipeline without a barrier at their ends (Qi et al. 2023, "Zero Bubble Pipeline
// Parallelism", section 4, "bypassing optimizer synchronizations"). Whether the gradient is finite and how it is
// clipped depends on all stages, and training_step waits for them. Here a stage waits for those before it alone,
// updates its weights if nothing that they know forbids it, and begins the next step. What all stages together say
// comes to it during the warm-up of that step: mostly that the update was right. If it was not, every rank undoes its
// own, makes the right one, and begins the step anew. So losses, norms and weights have the bits of training_step; only
// the results of a step are known one step later.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kumiko/optim/update_copy.h"
#include "kumiko/schedule/warm_up.h"
#include "kumiko/train/stage_sums.h"
#include "kumiko/train/step.h"

namespace kumiko {

// User error, naming the option, where there is nothing that a stage would not wait for.
void check_validated_steps(const PipelineOptions& pipeline, const Schedule* schedule);

class ValidatedSteps {
 public:
  // Collective over the pipeline axis. Takes memory for a copy of what an update changes on each rank but the last,
  // which knows what all stages say before it updates.
  ValidatedSteps(World& world, const Mesh& mesh, const Pipeline& pipeline, const TrainingState& state,
                 MemoryPool& pool);

  // A step as training_step takes it, but that its update may turn out wrong later: until take() or settle() has
  // returned its result, the weights are not to be read, and state.updates and state.loss_scale are as if it were
  // right. Returns the result of the step before, if that is not known yet. Bad values in that one may be a user error
  // now, which leaves the weights that it began with. Collective.
  std::optional<StepResult> take(TrainingState& state, StepContext context,
                                 const std::vector<MicroBatch>& micro_batches, const DataAxis& data,
                                 const StepSettings& settings, const StopWish& stop);
  // Waits for the result of the newest step, if it is not known, and for the right weights. Collective.
  std::optional<StepResult> settle(TrainingState& state, const StepContext& context, const DataAxis& data,
                                   const StepSettings& settings);

  // Steps whose early updates were wrong, or could not be made, on some rank.
  int64_t num_corrected() const { return num_corrected_; }
  bool keeps_copy() const { return copy_.has_value(); }

 private:
  // A step whose result is not known.
  struct Pending {
    StepResult result;  // what is known of it
    double tokens = 1;
    LossScale loss_scale;  // before it
    bool updated = false;  // this rank's weights
    StageTable stages;     // complete when it has arrived
    Event arrives;
  };

  bool is_last() const { return ranks_->rank() + 1 == ranks_->size(); }
  // Of all ranks: whether each could update early, and was right.
  bool early_updates_hold(const StageTable& stages, double loss_scale, const StepSettings& settings) const;
  bool pending_update_holds(const StepContext& context, const StepSettings& settings) const;
  // Tells the other ranks what this one knows of the step, and updates its weights early if it may.
  void end_step(TrainingState& state, const StepContext& context, const DataAxis& data, const StepSettings& settings,
                Pending pending);
  StepResult conclude(TrainingState& state, const StepContext& context, const DataAxis& data,
                      const StepSettings& settings);
  void correct(TrainingState& state, const StepContext& context, const DataAxis& data, const StepSettings& settings,
               Pending& pending);

  std::unique_ptr<Communicator> ranks_;  // of the pipeline axis: what is sent here waits for no message of a stage
  WarmUp warm_up_;
  std::optional<UpdateCopy> copy_;
  std::optional<Pending> pending_;
  int64_t num_corrected_ = 0;
};

}  // namespace kumiko
