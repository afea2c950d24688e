// A rank's place in a pipeline: the schedule that all its ranks carry out, what this one does of it, and the
// communicators that it needs. Made once a run; what a step does with it is in pipeline_executor.h.
#pragma once

#include <memory>

#include "kumiko/comm/communicator.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/model/model.h"
#include "kumiko/parallel/parameter_storage.h"
#include "kumiko/parallel/pipeline_plan.h"
#include "kumiko/schedule/lower.h"

namespace kumiko {

struct Pipeline {
  ScheduleRequest request;
  Schedule schedule;
  PipelinePart part;  // this rank's
  RankProgram program;
  std::shared_ptr<Communicator> ranks;    // the axis: messages between stages; loss, norm and the like
  std::unique_ptr<Communicator> holders;  // those that hold the same stages as this one; none if it alone does
  std::unique_ptr<Communicator> table;    // the other rank that has a copy of the token table; none if no other has
};

// Collective over the pipeline axis of this rank. `plan` is the same on all of its ranks.
Pipeline connect_pipeline(World& world, const Mesh& mesh, PipelinePlan plan, const ModelOptions& model);

// Adds up the gradients of what is held more than once, once each holder has its own sum: stages that are replicated,
// and the token table of embedding and head. Collective over the pipeline axis, if there is one.
void sum_copies(const Pipeline* pipeline, const Model& model, const ParameterStorage& storage, Kernels& kernels);

}  // namespace kumiko
