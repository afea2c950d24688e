#include "kumiko/generate/model_part.h"

#include <algorithm>
#include <utility>

#include "kumiko/parallel/pipeline_plan.h"

namespace kumiko {
namespace {

constexpr std::string_view activations_purpose = "stage activations";
constexpr std::string_view token_purpose = "token";

PipelinePart stage_of(const ModelOptions& options, int64_t num_stages, int64_t stage) {
  if (num_stages == 1) return {};
  const std::vector<double> costs = unit_costs(options, options.max_position_embeddings);
  const StageUnits units = balance_units(costs, static_cast<int>(num_stages)).at(static_cast<size_t>(stage));
  return {{{static_cast<int>(stage), {units.begin, units.end}}}};
}

}  // namespace

ModelPart::ModelPart(const ModelOptions& options, World& world, const Mesh& mesh, Kernels& kernels, MemoryPool& pool)
    : kernels_(kernels), pool_(pool) {
  check_tensor_parallel(options, mesh.size(Axis::tensor));
  const auto coordinate = [&](Axis axis) { return mesh.coordinate(world.rank(), axis); };
  const TensorParallel tensor{mesh.size(Axis::tensor), coordinate(Axis::tensor)};
  model_ = std::make_unique<Model>(options, tensor,
                                   stage_of(options, mesh.size(Axis::pipeline), coordinate(Axis::pipeline)));
  const auto connect = [&](Axis axis) {
    return mesh.size(axis) == 1 ? nullptr : world.communicator(axis, mesh.group(world.rank(), axis));
  };
  tensor_ = connect(Axis::tensor);
  stages_ = connect(Axis::pipeline);
}

Tensor ModelPart::read(KeyValueCache& cache, std::span<const int32_t> tokens) {
  Pass pass{kernels_, pool_};
  pass.batch = 1;
  pass.sequence = static_cast<int64_t>(tokens.size());
  pass.tokens = Tensor::empty(pool_, {1, pass.sequence}, DType::i32, MemoryPurpose::workspace);
  std::copy(tokens.begin(), tokens.end(), pass.tokens.data<int32_t>());
  pass.tensor = tensor_.get();
  pass.cache = &cache;
  Tensor x;
  if (!model_->has_embedding()) {
    x = pass.empty({pass.sequence, model_->options().hidden_size});
    stages_->receive(x, stages_->rank() - 1, activations_purpose).wait();
  }
  Tensor y = model_->generate_step(pass, std::move(x));
  if (model_->has_head()) return y;
  stages_->send(y, stages_->rank() + 1, activations_purpose).wait();
  return {};
}

int32_t ModelPart::agree(int32_t token) {
  if (stages_ == nullptr) return token;
  const Tensor chosen = Tensor::empty(pool_, {1}, DType::i32, MemoryPurpose::communication);
  chosen.data<int32_t>()[0] = token;
  stages_->broadcast(chosen, stages_->size() - 1, token_purpose).wait();
  return chosen.data<int32_t>()[0];
}

}  // namespace kumiko
