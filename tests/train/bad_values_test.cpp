// What all ranks say when the gradient of one of them is not finite.
#include <gtest/gtest.h>

#include <algorithm>

#include "kumiko/base/error.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/train/step.h"
#include "support/world.h"

namespace kumiko {
namespace {

ModelOptions tiny_gpt() {
  ModelOptions options;
  options.num_layers = 1;
  options.hidden_size = 16;
  options.num_attention_heads = 2;
  options.vocab_size = 37;
  options.max_position_embeddings = 6;
  return options;
}

void fill(Model& model, const std::string& name, double value) {
  for (const auto& parameter : model.parameters().all()) {
    if (parameter->parts.front().name == name) std::ranges::fill(parameter->value.elements<double>(), value);
  }
}

TEST(BadValues, AreNamedByAllRanks) {
  World& world = test::world();
  const Mesh mesh({1, 1, 1, 2});
  if (world.rank() >= mesh.size()) return;
  const int64_t rank = world.rank();
  const auto data = world.communicator(Axis::data, mesh.group(rank, Axis::data));
  const auto tensor = world.communicator(Axis::tensor, mesh.group(rank, Axis::tensor));
  const auto kernels = make_reference_kernels();
  MemoryPool& pool = test::pool();
  const OptimizerOptions optimizer;
  TrainingState state = make_training_state(tiny_gpt(), optimizer, 7, *kernels, pool, DType::f64, {2, rank});
  if (rank == 1) {
    // Nothing comes out of this rank's part of the MLP, and nothing goes back; but the gradient within is so large
    // that its square is no number.
    fill(state.model, "block.0.mlp.up.weight", 0);
    fill(state.model, "block.0.mlp.up.bias", 0);
    fill(state.model, "block.0.mlp.down.weight", 1e200);
  }
  weights_changed(state, *kernels);
  StepContext context{*kernels, pool};
  context.dtype = DType::f64;
  context.tensor = tensor.get();
  const Tensor tokens = Tensor::empty(pool, {1, 6}, DType::i32, MemoryPurpose::workspace);
  for (int32_t i = 0; i < 6; ++i) tokens.elements<int32_t>()[static_cast<size_t>(i)] = 5 * i;
  std::string message = "no error";
  try {
    training_step(state, context, {{tokens, tokens, 0}}, *data, {optimizer, BadValues::stop, 6}, false);
  } catch (const Error& error) {
    message = error.what();
  }
  EXPECT_NE(message.find("NaN or Inf in the gradients of "), std::string::npos) << message;
  EXPECT_NE(message.find("block.0.mlp.up.weight"), std::string::npos) << message;
}

}  // namespace
}  // namespace kumiko
