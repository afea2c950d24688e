#include "kumiko/parallel/pipeline.h"

#include <algorithm>
#include <utility>

namespace kumiko {
namespace {

std::unique_ptr<Communicator> communicator_among(World& world, const std::vector<int64_t>& axis_ranks,
                                                 const std::vector<int>& coordinates) {
  if (coordinates.size() < 2) return nullptr;
  std::vector<int64_t> ranks;
  for (const int coordinate : coordinates) ranks.push_back(axis_ranks[static_cast<size_t>(coordinate)]);
  return world.communicator(Axis::pipeline, ranks);
}

}  // namespace

Pipeline connect_pipeline(World& world, const Mesh& mesh, PipelinePlan plan, const ModelOptions& model) {
  const int64_t rank = world.rank();
  const std::vector<int64_t> axis = mesh.group(rank, Axis::pipeline);
  const auto coordinate = static_cast<int>(mesh.coordinate(rank, Axis::pipeline));
  const StagePlacement& placement = plan.schedule.placement;
  Pipeline pipeline;
  pipeline.ranks = world.communicator(Axis::pipeline, axis);
  // All stages of a rank have the same holders.
  pipeline.holders = communicator_among(world, axis, placement.holders_of(placement.stages_of(coordinate).front()));
  // Where stages are replicated, a rank with the embedding has the head too.
  const int embedding = placement.rank_of(0, 0);
  const int head = placement.rank_of(0, placement.num_stages() - 1);
  const bool holds = coordinate == embedding || coordinate == head;
  if (!model.untie_embeddings_and_output_weights && holds && embedding != head && placement.num_routes() == 1) {
    pipeline.table = communicator_among(world, axis, {embedding, head});
  }
  pipeline.part = plan.part(coordinate);
  pipeline.program = lower(plan.schedule, coordinate);
  pipeline.schedule = std::move(plan.schedule);
  pipeline.request = std::move(plan.request);
  return pipeline;
}

void sum_copies(const Pipeline* pipeline, const Model& model, const ParameterStorage& storage, Kernels& kernels) {
  std::vector<Event> events;
  if (pipeline != nullptr && pipeline->holders != nullptr) {
    for (int unit = 0; unit < storage.parameters().num_units(); ++unit) {
      events.push_back(
          pipeline->holders->all_reduce(storage.gradient_shard(unit), ReduceOp::sum, "gradients of replicated stages"));
    }
  }
  for (const Event& event : events) event.wait();
  const int embedding = model.embedding_table_unit();
  const int head = model.head_table_unit();
  if (embedding >= 0 && head >= 0 && embedding != head) {
    kernels.add(storage.gradient_shard(head), storage.gradient_shard(embedding));
    copy(storage.gradient_shard(embedding), storage.gradient_shard(head));
  } else if (pipeline != nullptr && pipeline->table != nullptr) {
    const Tensor& shard = storage.gradient_shard(std::max(embedding, head));
    pipeline->table->all_reduce(shard, ReduceOp::sum, "gradients of the token table").wait();
  }
}

}  // namespace kumiko
