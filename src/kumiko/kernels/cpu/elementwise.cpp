#include "kumiko/kernels/cpu/elementwise.h"

#include <mutex>
#include <vector>

#include "kumiko/kernels/arguments.h"
#include "kumiko/kernels/cpu/element.h"
#include "kumiko/kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/elementwise.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/philox-inl.h"
#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

namespace {

// Elements with the global indices first_index, first_index + 1, ...
template <class Element>
void dropout_row(PhiloxKey key, uint32_t threshold, float factor, uint64_t first_index, const Element* x, Element* y,
                 bool accumulate, int64_t count) {
  constexpr int64_t chunk = 1024;
  const Floats f;
  const Words w;
  HWY_ALIGN uint32_t words[chunk + 4 * 16 + 16];
  for (int64_t done = 0; done < count; done += chunk) {
    const int64_t size = std::min(chunk, count - done);
    const uint64_t index = first_index + static_cast<uint64_t>(done);
    const uint64_t skipped = index % 4;
    random_words(key, index - skipped, size + static_cast<int64_t>(skipped), words);
    sweep(size, [&](int64_t i, const auto& access) HWY_ATTR {
      const auto word = hn::LoadU(w, words + skipped + i);
      const auto dropped = hn::RebindMask(f, hn::Lt(word, hn::Set(w, threshold)));
      const auto scaled = hn::Mul(access.load(x + done + i), hn::Set(f, factor));
      auto value = hn::IfThenZeroElse(dropped, scaled);
      if (accumulate) value = hn::Add(value, access.load(y + done + i));
      access.store(value, y + done + i);
    });
  }
}

}  // namespace

// Rows [begin, end).
void Dropout(const DropoutMask& mask, const Tensor& x, const Tensor& y, bool accumulate, int64_t begin, int64_t end) {
  const int64_t columns = x.shape().last();
  const uint32_t threshold = arguments::dropout_threshold(mask.probability);
  const auto factor = static_cast<float>(1 / (1 - mask.probability));
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t index = (mask.first_row + r) * mask.num_columns + mask.first_column;
      dropout_row(mask.key, threshold, factor, static_cast<uint64_t>(index), x.data<Element>() + r * columns,
                  y.data<Element>() + r * columns, accumulate, columns);
    }
  });
}

void Add(const Tensor& x, const Tensor& y, int64_t begin, int64_t end) {
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    const Element* from = x.data<Element>() + begin;
    Element* to = y.data<Element>() + begin;
    sweep(end - begin, [&](int64_t i, const auto& access)
                           HWY_ATTR { access.store(hn::Add(access.load(from + i), access.load(to + i)), to + i); });
  });
}

void Scale(const Tensor& x, float factor, int64_t begin, int64_t end) {
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    Element* values = x.data<Element>() + begin;
    sweep(end - begin, [&](int64_t i, const auto& access) HWY_ATTR {
      access.store(hn::Mul(access.load(values + i), hn::Set(Floats(), factor)), values + i);
    });
  });
}

double SumOfSquares(const float* x, int64_t count) {
  const hn::CappedTag<double, 8> doubles;
  const hn::Rebind<float, decltype(doubles)> floats;
  const auto lanes = static_cast<int64_t>(hn::Lanes(doubles));
  auto even = hn::Zero(doubles);
  auto odd = hn::Zero(doubles);
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto a = hn::PromoteTo(doubles, hn::LoadU(floats, x + i));
    const auto b = hn::PromoteTo(doubles, hn::LoadU(floats, x + i + lanes));
    even = hn::MulAdd(a, a, even);
    odd = hn::MulAdd(b, b, odd);
  }
  double sum = hn::GetLane(hn::SumOfLanes(doubles, hn::Add(even, odd)));
  for (; i < count; ++i) sum += double{x[i]} * x[i];
  return sum;
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(Dropout);
HWY_EXPORT(Add);
HWY_EXPORT(Scale);
HWY_EXPORT(SumOfSquares);

}  // namespace

void dropout(const DropoutMask& mask, const Tensor& x, const Tensor& y, Write write, int num_threads) {
  parallel_ranges(num_threads, x.shape().num_rows(), row_grain(x.shape().last()), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(Dropout)(mask, x, y, write == Write::accumulate, begin, end);
  });
}

void add(const Tensor& x, const Tensor& y, int num_threads) {
  parallel_ranges(num_threads, x.num_elements(), element_grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(Add)(x, y, begin, end);
  });
}

void scale(const Tensor& x, double factor, int num_threads) {
  parallel_ranges(num_threads, x.num_elements(), element_grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(Scale)(x, static_cast<float>(factor), begin, end);
  });
}

void add_squares(const Tensor& x, ExactSum& sum, int num_threads) {
  std::mutex mutex;
  parallel_ranges(num_threads, x.num_elements(), element_grain, [&](int64_t begin, int64_t end) {
    ExactSum mine;
    mine.add_squares(x.elements<float>().subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
    const std::lock_guard lock(mutex);
    sum.add(mine);
  });
}

double sum_of_squares(const Tensor& x, int num_threads) {
  constexpr int64_t block_size = 1 << 16;
  const int64_t count = x.num_elements();
  std::vector<double> sums(static_cast<size_t>((count + block_size - 1) / block_size));
  parallel_ranges(num_threads, static_cast<int64_t>(sums.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * block_size;
      sums[static_cast<size_t>(block)] =
          HWY_DYNAMIC_DISPATCH(SumOfSquares)(x.data<float>() + first, std::min(block_size, count - first));
    }
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

}  // namespace kumiko::cpu
#endif
