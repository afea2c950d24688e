#include "kumiko/model/memory.h"

namespace kumiko {

int64_t stash_bytes(const ModelOptions& options, int64_t batch, int64_t sequence, int64_t element_size) {
  const int64_t hidden = options.hidden_size;
  const int64_t norm = hidden + 2;  // its input, mean and 1 / standard deviation
  // Norm, its output, q k v, heads' output and log-sum-exp; norm, its output, the input of the activation.
  const int64_t block = (norm + hidden + 3 * hidden + hidden + options.num_attention_heads) +
                        (norm + hidden + options.feed_forward_size());
  const int64_t head = norm + hidden;  // norm, and the gradient of its output
  return batch * sequence * (options.num_layers * block + head) * element_size;
}

}  // namespace kumiko
