// A rank of a test's mesh joins a pipeline.
#pragma once

#include <memory>

#include "kumiko/parallel/pipeline.h"
#include "kumiko/parallel/pipeline_plan.h"
#include "support/world.h"

namespace kumiko::test {

// Collective over the pipeline axis of this rank; none if there is one stage.
inline std::unique_ptr<Pipeline> join_pipeline(const ModelOptions& model, const PipelineOptions& options,
                                               const Mesh& mesh, int64_t num_micro_batches) {
  if (options.size == 1) return nullptr;
  PipelinePlan plan = plan_pipeline(model, model.max_position_embeddings, options, num_micro_batches);
  return std::make_unique<Pipeline>(connect_pipeline(world(), mesh, std::move(plan), model));
}

inline PipelinePart part_of(const std::unique_ptr<Pipeline>& pipeline) {
  return pipeline ? pipeline->part : PipelinePart{};
}

}  // namespace kumiko::test
