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

// Multiply-adds of a token: 12 H^2 and more of a block, S H of its causal attention; V H of the head. A block's forward
// and backward are three times that, and so are the head's.
std::vector<StageUnits> stage_units(const ModelOptions& model, int64_t seq_length, int num_stages) {
  const auto hidden = static_cast<double>(model.hidden_size);
  const auto queries = static_cast<double>(model.num_attention_heads * model.head_size());
  const auto keys = static_cast<double>(model.num_kv_heads() * model.head_size());
  const double wide =
      static_cast<double>(model.feed_forward_size()) * (model.architecture == Architecture::llama ? 3 : 2);
  const double block = hidden * (2 * queries + 2 * keys + wide) + static_cast<double>(seq_length) * queries;
  std::vector<double> costs(static_cast<size_t>(num_model_units(model)), block);
  costs.front() = 0;
  costs.back() = hidden * static_cast<double>(model.vocab_size);
  return balance_units(costs, num_stages);
}

PipelinePart pipeline_part(const StagePlacement& placement, std::span<const StageUnits> units, int coordinate,
                           bool table_apart) {
  PipelinePart part;
  part.table_apart = table_apart;
  for (const int stage : placement.stages_of(coordinate)) {
    const StageUnits held = units[static_cast<size_t>(stage)];
    part.stages.push_back({stage, {held.begin, held.end}, placement.rank_of(0, stage) == coordinate});
  }
  return part;
}

Pipeline connect_pipeline(World& world, const Mesh& mesh, Schedule schedule, const ModelOptions& model) {
  const int64_t rank = world.rank();
  const std::vector<int64_t> axis = mesh.group(rank, Axis::pipeline);
  const auto coordinate = static_cast<int>(mesh.coordinate(rank, Axis::pipeline));
  const StagePlacement& placement = schedule.placement;
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
  pipeline.program = lower(schedule, coordinate);
  pipeline.schedule = std::move(schedule);
  return pipeline;
}

void sum_copies(const Pipeline& pipeline, const Model& model, const ParameterStorage& storage, Kernels& kernels) {
  std::vector<Event> events;
  if (pipeline.holders != nullptr) {
    for (int unit = 0; unit < storage.parameters().num_units(); ++unit) {
      events.push_back(
          pipeline.holders->all_reduce(storage.gradient_shard(unit), ReduceOp::sum, "gradients of replicated stages"));
    }
  }
  for (const Event& event : events) event.wait();
  const int embedding = model.embedding_table_unit();
  const int head = model.head_table_unit();
  if (embedding >= 0 && head >= 0 && embedding != head) {
    kernels.add(storage.gradient_shard(head), storage.gradient_shard(embedding));
    copy(storage.gradient_shard(embedding), storage.gradient_shard(head));
  } else if (pipeline.table != nullptr) {
    const Tensor& shard = storage.gradient_shard(std::max(embedding, head));
    pipeline.table->all_reduce(shard, ReduceOp::sum, "gradients of the token table").wait();
  }
}

}  // namespace kumiko
