#include "kumiko/parallel/pipeline_memory.h"

#include <algorithm>
#include <map>

#include "kumiko/parallel/action_runner.h"
#include "kumiko/parallel/zero_formulas.h"

namespace kumiko {
namespace {

// Follows the program through what each action leaves and lets go.
class ProgramWalk {
 public:
  ProgramWalk(const ModelOptions& model, const StepMemoryShape& shape, const PipelinePart& part) {
    for (const HeldStage& stage : part.stages) stages_[stage.stage] = stage_step_memory(model, shape, stage.units);
  }

  void run(const Action& action) {
    const StageStepMemory& stage = stages_.at(action.stage);
    // Of other micro-batches, while the action runs.
    int64_t others = stash_;
    if (action.kind == ActionKind::forward) {
      stash_ += stage.held;
    } else if (action.kind == ActionKind::weight) {
      deferred_ -= stage.held_after_backward;
    } else {
      others = stash_ -= stage.held;
      if (action.kind == ActionKind::backward) deferred_ += stage.held_after_backward;
    }
    const int64_t stash = action.kind == ActionKind::weight ? others : others + stage.stash_peak;
    stash_peak = std::max(stash_peak, stash);
    workspace_peak = std::max(workspace_peak, deferred_ + stage.workspace_peak);
    peak = std::max(peak, stash + deferred_ + stage.workspace_peak);
  }

  int64_t stash_peak = 0;
  int64_t workspace_peak = 0;
  int64_t peak = 0;

 private:
  std::map<int, StageStepMemory> stages_;
  int64_t stash_ = 0;
  int64_t deferred_ = 0;
};

}  // namespace

StepMemory pipelined_step_memory(const ModelOptions& model, const StepMemoryShape& shape, const Sharding& sharding,
                                 const PipelinePart& part, const RankProgram& program) {
  ProgramWalk walk(model, shape, part);
  const Model built(model, shape.tensor_parallel, part);
  std::vector<UnitVisit> visits;
  for (const Action& action : program.actions) {
    walk.run(action);
    const std::vector<UnitVisit> more = visits_of(built, shape.recompute, action);
    visits.insert(visits.end(), more.begin(), more.end());
  }
  StepMemory memory;
  const auto set = [&](MemoryPurpose purpose, int64_t bytes) { memory.peaks[static_cast<size_t>(purpose)] = bytes; };
  set(MemoryPurpose::stash, walk.stash_peak);
  set(MemoryPurpose::workspace, walk.workspace_peak);
  set(MemoryPurpose::communication, shape.communication);
  set(MemoryPurpose::checkpoint, shape.checkpoint);
  memory.peak = walk.peak + shape.communication + shape.checkpoint;
  set_sharded_memory(memory, built, shape, sharding, std::move(visits));
  return memory;
}

}  // namespace kumiko
