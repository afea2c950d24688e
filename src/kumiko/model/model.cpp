#include "kumiko/model/model.h"

#include <cstring>

namespace kumiko {

void Model::prepare(Kernels& kernels) {
  for (const auto& unit : units_) unit->prepare(kernels);
}

void Model::forward(Pass& pass) {
  Tensor x;
  for (const auto& unit : units_) x = unit->forward(pass, x);
}

Tensor Model::forward_blocks(Pass& pass) {
  Tensor x;
  for (size_t i = 0; i + 1 < units_.size(); ++i) x = units_[i]->forward(pass, x);
  return x;
}

Tensor Model::generate_step(Pass& pass) {
  const Tensor x = forward_blocks(pass);
  pass.cache->length += pass.sequence;
  const Tensor last = pass.empty({pass.batch, x.shape()[1]}, MemoryPurpose::workspace);
  for (int64_t b = 0; b < pass.batch; ++b) {
    const int64_t row = (b + 1) * pass.sequence - 1;
    copy(x.rows(row, row + 1), last.rows(b, b + 1));
  }
  return head().logits(pass, last);
}

KeyValueCache make_key_value_cache(const ModelOptions& options, MemoryPool& pool, DType dtype, int64_t batch,
                                   int64_t capacity) {
  KeyValueCache cache;
  for (int64_t layer = 0; layer < options.num_layers; ++layer) {
    for (std::vector<Tensor>* tensors : {&cache.keys, &cache.values}) {
      tensors->push_back(Tensor::empty(pool, {batch, capacity, options.hidden_size}, dtype, MemoryPurpose::workspace));
    }
  }
  return cache;
}

}  // namespace kumiko
