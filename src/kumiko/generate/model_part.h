// A rank's part of a model that makes text: its share of each layer along the tensor axis, its stage along the pipeline
// axis, and the way of tokens through the parts of all the ranks that hold one replica of the model.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "kumiko/comm/communicator.h"
#include "kumiko/kernels/kernels.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/model/model.h"

namespace kumiko {

class ModelPart {
 public:
  // Collective. Stages are one a rank, balanced as training balances them. Parameters have no memory yet. `kernels` and
  // `pool` must outlive the part. User error if the model cannot be cut so.
  ModelPart(const ModelOptions& options, World& world, const Mesh& mesh, Kernels& kernels, MemoryPool& pool);

  Model& model() { return *model_; }
  const Model& model() const { return *model_; }

  // Both collective over the ranks that hold the replica.
  // Reads `tokens` behind those in the cache. On the ranks of the last stage the logits [1, V] of the last of them; no
  // tensor elsewhere.
  Tensor read(KeyValueCache& cache, std::span<const int32_t> tokens);
  // What the last stage has chosen, on every rank. (The ranks of its tensor axis have the same logits to the bit, and
  // so choose the same.)
  int32_t agree(int32_t token);

 private:
  Kernels& kernels_;
  MemoryPool& pool_;
  std::unique_ptr<Communicator> tensor_;  // none if this rank has the whole of each layer
  std::unique_ptr<Communicator> stages_;  // none if this rank has all layers
  std::unique_ptr<Model> model_;
};

}  // namespace kumiko
