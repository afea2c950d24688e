#include "kumiko/model/pass.h"

namespace kumiko {

TokenChunks Pass::chunks() const {
  if (!shards_tokens()) return TokenChunks::of(num_tokens(), exchange.num_chunks);
  return TokenChunks::of(num_tokens(), exchange.num_chunks, tensor->size(), tensor->rank());
}

DropoutMask Pass::dropout_mask(int64_t site, double probability, int64_t num_columns) const {
  DropoutMask mask;
  mask.probability = training ? probability : 0;
  mask.key = random_key(seed, RandomStream::dropout, static_cast<uint64_t>(step) << 20 | static_cast<uint64_t>(site));
  mask.first_row = first_sample * sequence;
  mask.num_columns = num_columns;
  return mask;
}

Tensor Pass::own(const Tensor& dy) const {
  if (weight_work->at_once()) return dy;
  const Tensor mine = empty(dy.shape(), MemoryPurpose::workspace);
  copy(dy, mine);
  return mine;
}

}  // namespace kumiko
