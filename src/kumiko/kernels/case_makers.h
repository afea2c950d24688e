// The makers of kernel cases, one a family of kernels, and what they share.
#pragma once

#include <cmath>
#include <initializer_list>

#include "kumiko/kernels/cases.h"

namespace kumiko::case_makers {

// Hands out the tensors of one case: the i-th tensor of a case always holds the same numbers.
class Tensors {
 public:
  Tensors(DType type, MemoryPool& pool) : type_(type), pool_(pool) {}

  Tensor empty(Shape shape) { return Tensor::empty(pool_, shape, type_, MemoryPurpose::workspace); }

  Tensor normal(Shape shape, double deviation = 1, double mean = 0) {
    Tensor tensor = empty(shape);
    const PhiloxKey key = random_key(7, RandomStream::test, next_++);
    // Large tensors repeat their beginning: drawing all of it would take longer than the kernel.
    constexpr int64_t period = (1 << 20) - 3;
    for (int64_t i = 0; i < tensor.num_elements(); ++i) {
      if (i >= period) {
        set(tensor, i, get(tensor, i - period));
        continue;
      }
      // A sum of four uniform words: near enough to a normal, and much cheaper.
      const PhiloxCounter words = philox({static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32), 0, 0}, key);
      double sum = 0;
      for (uint32_t word : words) sum += word * 0x1p-32 - 0.5;
      set(tensor, i, mean + deviation * std::sqrt(3.0) * sum);
    }
    return tensor;
  }
  Tensor positive(Shape shape) {
    Tensor tensor = normal(shape);
    for (int64_t i = 0; i < tensor.num_elements(); ++i) set(tensor, i, std::abs(get(tensor, i)));
    return tensor;
  }
  Tensor tokens(int64_t count, int64_t vocabulary, int64_t ignored_every = 0) {
    Tensor tensor = Tensor::empty(pool_, {count}, DType::i32, MemoryPurpose::workspace);
    const PhiloxKey key = random_key(7, RandomStream::test, next_++);
    for (int64_t i = 0; i < count; ++i) {
      const auto token =
          static_cast<int32_t>(random_bits(key, static_cast<uint64_t>(i)) % static_cast<uint64_t>(vocabulary));
      tensor.data<int32_t>()[i] = ignored_every > 0 && i % ignored_every == 1 ? -1 : token;
    }
    return tensor;
  }
  Tensor zeros(Shape shape) { return Tensor::zeros(pool_, shape, type_, MemoryPurpose::workspace); }

 private:
  double get(const Tensor& tensor, int64_t i) const {
    return type_ == DType::f64 ? tensor.data<double>()[i] : double{tensor.data<float>()[i]};
  }
  // Rounded to float, so that f32 and f64 cases hold the same numbers.
  void set(const Tensor& tensor, int64_t i, double value) const {
    const auto rounded = static_cast<float>(value);
    if (type_ == DType::f64) {
      tensor.data<double>()[i] = rounded;
    } else {
      tensor.data<float>()[i] = rounded;
    }
  }

  DType type_;
  MemoryPool& pool_;
  uint64_t next_ = 0;
};

inline constexpr double element = 4;  // bytes

inline Write write_of(const CaseSpec& spec) {
  return spec.get("accumulate") != 0 ? Write::accumulate : Write::overwrite;
}

inline double product(std::initializer_list<int64_t> sizes) {
  double result = 1;
  for (int64_t size : sizes) result *= static_cast<double>(size);
  return result;
}

KernelCase linear_case(const CaseSpec& spec, Tensors& tensors);
KernelCase attention_case(const CaseSpec& spec, Tensors& tensors);
KernelCase layer_norm_case(const CaseSpec& spec, Tensors& tensors);
KernelCase gelu_case(const CaseSpec& spec, Tensors& tensors);
KernelCase embedding_case(const CaseSpec& spec, Tensors& tensors);
KernelCase cross_entropy_case(const CaseSpec& spec, Tensors& tensors);
KernelCase dropout_case(const CaseSpec& spec, Tensors& tensors);
KernelCase elementwise_case(const CaseSpec& spec, Tensors& tensors);
KernelCase optimizer_case(const CaseSpec& spec, Tensors& tensors);

}  // namespace kumiko::case_makers
