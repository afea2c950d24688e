#include "kumiko/kernels/cpu/embedding.h"

#include "kumiko/kernels/cpu/parallel.h"

namespace kumiko::cpu {
namespace {

constexpr int64_t no_row = -1;

int64_t table_row(const Tensor& table, int64_t first_token, int64_t token) {
  const int64_t row = token - first_token;
  return row >= 0 && row < table.shape().num_rows() ? row : no_row;
}

void add_to(float* to, const float* from, int64_t count) {
  for (int64_t h = 0; h < count; ++h) to[h] += from[h];
}

}  // namespace

void embedding_forward(const Tensor& tokens, int64_t sequence, int64_t first_position, int64_t first_token,
                       const Tensor& token_table, const Tensor& position_table, const Tensor& y, int num_threads) {
  const int64_t size = token_table.shape().last();
  parallel_ranges(num_threads, tokens.num_elements(), row_grain(size), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* out = y.data<float>() + t * size;
      const int64_t row = table_row(token_table, first_token, tokens.data<int32_t>()[t]);
      if (row == no_row) {
        std::fill(out, out + size, 0.0F);
      } else {
        std::copy_n(token_table.data<float>() + row * size, size, out);
      }
      if (position_table) {
        add_to(out, position_table.data<float>() + (first_position + t % sequence) * size, size);
      }
    }
  });
}

void embedding_backward(const Tensor& tokens, int64_t sequence, int64_t first_position, int64_t first_token,
                        const Tensor& dy, const Tensor& dtoken_table, const Tensor& dposition_table, int num_threads) {
  const int64_t size = dtoken_table.shape().last();
  // A cache line of columns at least.
  parallel_ranges(num_threads, size, 16, [&](int64_t begin, int64_t end) {
    for (int64_t t = 0; t < tokens.num_elements(); ++t) {
      const float* gradient = dy.data<float>() + t * size + begin;
      const int64_t row = table_row(dtoken_table, first_token, tokens.data<int32_t>()[t]);
      if (row != no_row) add_to(dtoken_table.data<float>() + row * size + begin, gradient, end - begin);
      if (!dposition_table) continue;
      const int64_t position = first_position + t % sequence;
      add_to(dposition_table.data<float>() + position * size + begin, gradient, end - begin);
    }
  });
}

}  // namespace kumiko::cpu
