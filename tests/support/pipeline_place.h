// A rank of a test's mesh joins a pipeline.
#pragma once

#include <memory>

#include "kumiko/parallel/pipeline.h"
#include "kumiko/parallel/pipeline_plan.h"
#include "support/world.h"

namespace kumiko::test {

struct PipelinePlace {
  PipelinePart part{};
  std::unique_ptr<Pipeline> pipeline{};  // none if there is one stage
};

// Collective over the pipeline axis of this rank.
inline PipelinePlace join_pipeline(const ModelOptions& model, const PipelineOptions& options, const Mesh& mesh,
                                   int64_t num_micro_batches) {
  if (options.size == 1) return {};
  PipelinePlan plan = plan_pipeline(model, model.max_position_embeddings, options, num_micro_batches);
  PipelinePlace place{plan.part(mesh.coordinate(world().rank(), Axis::pipeline)), nullptr};
  place.pipeline = std::make_unique<Pipeline>(connect_pipeline(world(), mesh, std::move(plan), model));
  return place;
}

}  // namespace kumiko::test
