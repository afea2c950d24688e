#include "kumiko/kernels/cpu/embedding.h"

#include <algorithm>

#include "kumiko/kernels/cpu/element.h"
#include "kumiko/kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/embedding.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {
namespace {

// The token's row of the table, or null if it is not there.
HWY_INLINE float* row_of(const Tensor& table, int64_t first_token, int64_t token) {
  const int64_t row = token - first_token;
  if (row < 0 || row >= table.shape().num_rows()) return nullptr;
  return table.data<float>() + row * table.shape().last();
}

template <class Element>
HWY_INLINE void add_to(float* to, const Element* from, int64_t count) {
  sweep(count, [&](int64_t h, const auto& access)
                   HWY_ATTR { access.store(hn::Add(access.load(to + h), access.load(from + h)), to + h); });
}

}  // namespace

// Tokens [begin, end).
void LookUp(const Tensor& tokens, const TokenPlaces& places, int64_t first_token, const Tensor& token_table,
            const Tensor& position_table, const Tensor& y, int64_t begin, int64_t end) {
  const int64_t size = token_table.shape().last();
  with_element(y.dtype(), [&]<class Element>(Element) HWY_ATTR {
    for (int64_t t = begin; t < end; ++t) {
      Element* out = y.data<Element>() + t * size;
      const float* token = row_of(token_table, first_token, tokens.data<int32_t>()[t]);
      const float* position = position_table ? position_table.data<float>() + places.position(t) * size : nullptr;
      sweep(size, [&](int64_t h, const auto& access) HWY_ATTR {
        auto value = token != nullptr ? access.load(token + h) : hn::Zero(Floats());
        if (position != nullptr) value = hn::Add(value, access.load(position + h));
        access.store(value, out + h);
      });
    }
  });
}

// Columns [begin, end) of all tokens.
void AddGradients(const Tensor& tokens, const TokenPlaces& places, int64_t first_token, const Tensor& dy,
                  const Tensor& dtoken_table, const Tensor& dposition_table, int64_t begin, int64_t end) {
  const int64_t size = dtoken_table.shape().last();
  with_element(dy.dtype(), [&]<class Element>(Element) HWY_ATTR {
    for (int64_t t = 0; t < tokens.num_elements(); ++t) {
      const Element* gradient = dy.data<Element>() + t * size + begin;
      float* token = row_of(dtoken_table, first_token, tokens.data<int32_t>()[t]);
      if (token != nullptr) add_to(token + begin, gradient, end - begin);
      if (!dposition_table) continue;
      add_to(dposition_table.data<float>() + places.position(t) * size + begin, gradient, end - begin);
    }
  });
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(LookUp);
HWY_EXPORT(AddGradients);

}  // namespace

void embedding_forward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token, const Tensor& token_table,
                       const Tensor& position_table, const Tensor& y, int num_threads) {
  const int64_t grain = row_grain(token_table.shape().last());
  parallel_ranges(num_threads, tokens.num_elements(), grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(LookUp)
    (tokens, places, first_token, token_table, position_table, y, begin, end);
  });
}

void embedding_backward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token, const Tensor& dy,
                        const Tensor& dtoken_table, const Tensor& dposition_table, int num_threads) {
  // A cache line of columns at least.
  parallel_ranges(num_threads, dtoken_table.shape().last(), 16, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(AddGradients)
    (tokens, places, first_token, dy, dtoken_table, dposition_table, begin, end);
  });
}

}  // namespace kumiko::cpu
#endif
