#include "kumiko/train/layout_holdings.h"

#include "kumiko/model/model.h"
#include "kumiko/parallel/sharding.h"

namespace kumiko {

std::string optimizer_tensor_name(const std::string& state, const ParameterPart& part) {
  return "optimizer." + state + "." + part.name;
}

static std::vector<PieceInfo> pieces_of_rank(const ModelOptions& model, std::span<const std::string> optimizer_states,
                                             const TensorParallel& tensor_parallel, const PipelinePart& pipeline,
                                             const Sharding& sharding) {
  const Model held(model, tensor_parallel, pipeline);
  const ParameterRegistry& parameters = held.parameters();
  std::vector<PieceInfo> pieces;
  const auto add = [&](const ParameterPart& part, const Box& box, const std::string& name, TensorRole role) {
    if (tensor_parallel.rank % part.holders == 0) pieces.push_back({name, part.global_shape, DType::f32, role, box});
  };
  for (const auto& parameter : parameters.all()) {
    if (sharding.divides_weights()) break;
    if (!parameter->primary) continue;
    for (const ParameterPart& part : parameter->parts) add(part, part.box, part.name, TensorRole::parameter);
  }
  for (int unit = 0; unit < parameters.num_units(); ++unit) {
    for (const Fragment& fragment : fragments_of(parameters, sharding, unit)) {
      if (!parameters.all()[fragment.parameter]->primary) continue;
      for (const PartBox& owned : part_boxes(parameters, fragment)) {
        const ParameterPart& part = *owned.part;
        if (sharding.divides_weights()) add(part, owned.box, part.name, TensorRole::parameter);
        for (const std::string& state : optimizer_states) {
          add(part, owned.box, optimizer_tensor_name(state, part), TensorRole::optimizer);
        }
      }
    }
  }
  return pieces;
}

Holdings layout_holdings(const ModelOptions& model, std::span<const std::string> optimizer_states,
                         const LayoutShape& layout) {
  const Mesh& mesh = layout.mesh;
  const auto sharding_at = [&](int64_t coordinate) {
    return Sharding::of(layout.zero_stage, layout.zero_group_size, mesh.size(Axis::data), coordinate);
  };
  const int64_t num_shards = sharding_at(0).size;
  const int64_t num_tensor = mesh.size(Axis::tensor);
  Holdings holdings;
  for (int64_t p = 0; p < mesh.size(Axis::pipeline); ++p) {
    const PipelinePart part = layout.pipeline ? layout.pipeline->part(p) : PipelinePart{};
    for (int64_t t = 0; t < num_tensor; ++t) {
      for (int64_t shard = 0; shard < num_shards; ++shard) {
        holdings.lists.push_back(pieces_of_rank(model, optimizer_states, {num_tensor, t}, part, sharding_at(shard)));
      }
    }
  }
  for (int64_t rank = 0; rank < mesh.size(); ++rank) {
    const int64_t shard = sharding_at(mesh.coordinate(rank, Axis::data)).rank;
    const int64_t place = mesh.coordinate(rank, Axis::pipeline) * num_tensor + mesh.coordinate(rank, Axis::tensor);
    holdings.list_of_rank.push_back(static_cast<size_t>(place * num_shards + shard));
  }
  return holdings;
}

}  // namespace kumiko
