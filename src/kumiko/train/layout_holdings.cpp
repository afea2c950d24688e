#include "kumiko/train/layout_holdings.h"

#include "kumiko/model/model.h"

namespace kumiko {

std::string optimizer_tensor_name(const std::string& state, const ParameterPart& part) {
  return "optimizer." + state + "." + part.name;
}

static std::vector<PieceInfo> pieces_of_part(const ModelOptions& model, std::span<const std::string> optimizer_states,
                                             TensorParallel tensor_parallel) {
  const Model held(model, tensor_parallel);
  std::vector<PieceInfo> pieces;
  for (const auto& parameter : held.parameters().all()) {
    for (const ParameterPart& part : parameter->parts) {
      pieces.push_back({part.name, part.global_shape, DType::f32, TensorRole::parameter, part.box});
      for (const std::string& state : optimizer_states) {
        pieces.push_back(
            {optimizer_tensor_name(state, part), part.global_shape, DType::f32, TensorRole::optimizer, part.box});
      }
    }
  }
  return pieces;
}

Holdings layout_holdings(const ModelOptions& model, std::span<const std::string> optimizer_states, const Mesh& mesh) {
  Holdings holdings;
  const int64_t tensor_size = mesh.size(Axis::tensor);
  for (int64_t t = 0; t < tensor_size; ++t) {
    holdings.lists.push_back(pieces_of_part(model, optimizer_states, {tensor_size, t}));
  }
  for (int64_t rank = 0; rank < mesh.size(); ++rank) {
    holdings.list_of_rank.push_back(static_cast<size_t>(mesh.coordinate(rank, Axis::tensor)));
  }
  return holdings;
}

}  // namespace kumiko
