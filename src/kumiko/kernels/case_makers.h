// The makers of kernel cases, one a family of kernels, and what they share.
#pragma once

#include <cmath>
#include <initializer_list>

#include "kumiko/kernels/cases.h"

namespace kumiko::case_makers {

// Hands out the tensors of one case: the i-th tensor of a case always holds the same numbers.
class Tensors {
 public:
  Tensors(const CaseTypes& types, MemoryPool& pool) : types_(types), pool_(pool) {}

  // Activations.
  Tensor empty(Shape shape) { return Tensor::empty(pool_, shape, types_.activations, MemoryPurpose::workspace); }
  Tensor normal(Shape shape, double deviation = 1, double mean = 0) {
    return filled(empty(shape), types_.rounded_to, deviation, mean);
  }
  // Parameters, their gradients, and statistics.
  Tensor empty_parameter(Shape shape) {
    return Tensor::empty(pool_, shape, parameter_type(), MemoryPurpose::workspace);
  }
  Tensor parameter(Shape shape, double deviation = 1, double mean = 0) {
    return filled(empty_parameter(shape), DType::f32, deviation, mean);
  }
  Tensor positive_parameter(Shape shape) {
    Tensor tensor = parameter(shape);
    for (int64_t i = 0; i < tensor.num_elements(); ++i) set_element(tensor, i, std::abs(element_at(tensor, i)));
    return tensor;
  }
  double element_bytes() const { return static_cast<double>(size_of(types_.activations)); }
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

 private:
  DType parameter_type() const { return types_.activations == DType::f64 ? DType::f64 : DType::f32; }
  Tensor filled(Tensor tensor, DType rounded_to, double deviation, double mean);

  CaseTypes types_;
  MemoryPool& pool_;
  uint64_t next_ = 0;
};

inline constexpr double element = 4;  // bytes of a parameter

inline Write write_of(const CaseSpec& spec) {
  return spec.get("accumulate") != 0 ? Write::accumulate : Write::overwrite;
}

inline double product(std::initializer_list<int64_t> sizes) {
  double result = 1;
  for (int64_t size : sizes) result *= static_cast<double>(size);
  return result;
}

KernelCase linear_case(const CaseSpec& spec, Tensors& tensors);
KernelCase linear_terms_case(const CaseSpec& spec, Tensors& tensors);
KernelCase attention_case(const CaseSpec& spec, Tensors& tensors);
KernelCase layer_norm_case(const CaseSpec& spec, Tensors& tensors);
KernelCase rms_norm_case(const CaseSpec& spec, Tensors& tensors);
KernelCase swiglu_case(const CaseSpec& spec, Tensors& tensors);
KernelCase rotate_case(const CaseSpec& spec, Tensors& tensors);
KernelCase gelu_case(const CaseSpec& spec, Tensors& tensors);
KernelCase embedding_case(const CaseSpec& spec, Tensors& tensors);
KernelCase cross_entropy_case(const CaseSpec& spec, Tensors& tensors);
KernelCase dropout_case(const CaseSpec& spec, Tensors& tensors);
KernelCase elementwise_case(const CaseSpec& spec, Tensors& tensors);
KernelCase optimizer_case(const CaseSpec& spec, Tensors& tensors);

}  // namespace kumiko::case_makers
