#include "kumiko/model/canonical.h"

#include "kumiko/base/error.h"

namespace kumiko {

// What check_tensor_parallel asks for.
static bool can_be_cut(const ModelOptions& model, int64_t size) {
  const int64_t kv_heads = model.num_kv_heads();
  return model.num_attention_heads % size == 0 && (kv_heads % size == 0 || size % kv_heads == 0) &&
         model.feed_forward_size() >= size && model.vocab_size >= size;
}

int64_t canonical_blocks(const ModelOptions& model) {
  int64_t blocks = most_canonical_blocks;
  while (!can_be_cut(model, blocks)) blocks /= 2;
  return blocks;
}

void check_canonical(const ModelOptions& model, int64_t size) {
  const int64_t most = canonical_blocks(model);
  if (most % size == 0) return;
  throw_user(
      "parallel.tensor_model_parallel_size = {}: train.reproducible = true sums in {} blocks with this model, so "
      "expected "
      "a power of two up to that",
      size, most);
}

void sum_blocks(Kernels& kernels, const std::vector<Tensor>& blocks) {
  for (size_t distance = 1; distance < blocks.size(); distance *= 2) {
    for (size_t i = 0; i + distance < blocks.size(); i += 2 * distance) kernels.add(blocks[i + distance], blocks[i]);
  }
}

void add_columns(Kernels& kernels, const std::vector<OutputPlace>& places, const Tensor& columns,
                 const Tensor& gradient) {
  for (const OutputPlace& place : places) {
    const int64_t copies = place.num_columns / place.num_rows;
    const int64_t piece = copies == 1 ? place.num_rows : place.granule;
    for (int64_t row = 0; row < place.num_rows; row += piece) {
      std::vector<Tensor> blocks;
      for (int64_t copy = 0; copy < copies; ++copy) {
        const int64_t column = place.first_column + row * copies + copy * piece;
        blocks.push_back(columns.rows(column, column + piece));
      }
      sum_blocks(kernels, blocks);
      kernels.add(blocks[0], gradient.rows(place.first_row + row, place.first_row + row + piece));
    }
  }
}

}  // namespace kumiko
