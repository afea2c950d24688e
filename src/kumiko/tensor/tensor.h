// A tensor: a shape and an element type over shared memory, always contiguous. Copying a Tensor shares the elements.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/tensor/dtype.h"
#include "kumiko/tensor/memory.h"
#include "kumiko/tensor/shape.h"

namespace kumiko {

class Tensor {
 public:
  Tensor() = default;  // no tensor: `if (tensor)` is false
  Tensor(std::shared_ptr<void> memory, Shape shape, DType dtype)
      : data_(std::move(memory)), shape_(shape), dtype_(dtype) {}

  // Uninitialised, or every element zero.
  static Tensor empty(MemoryPool& pool, Shape shape, DType dtype, MemoryPurpose purpose);
  static Tensor zeros(MemoryPool& pool, Shape shape, DType dtype, MemoryPurpose purpose);

  explicit operator bool() const { return data_ != nullptr; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  int64_t num_elements() const { return shape_.num_elements(); }
  size_t num_bytes() const { return static_cast<size_t>(num_elements()) * size_of(dtype_); }

  // The same elements under another shape of as many elements.
  Tensor reshaped(Shape shape) const;
  // Rows [begin, end) of the first dim, sharing the elements.
  Tensor rows(int64_t begin, int64_t end) const;
  // `count` elements from `begin` on, as one dim, sharing them.
  Tensor slice(int64_t begin, int64_t count) const;

  // Const is shallow, as for std::span: a Tensor is a handle.
  void* raw() const { return data_.get(); }
  template <class T>
  T* data() const {
    if (DTypeOf<T>::value != dtype_) throw_internal("a tensor of {} read as another type", name_of(dtype_));
    return static_cast<T*>(data_.get());
  }
  template <class T>
  std::span<T> elements() const {
    return {data<T>(), static_cast<size_t>(num_elements())};
  }

 private:
  std::shared_ptr<void> data_;
  Shape shape_;
  DType dtype_ = DType::f32;
};

// `count` elements and what lies between them and the next cache line, of f32: where the next tensor of a block starts.
constexpr int64_t padded_elements(int64_t count) { return (count + 15) / 16 * 16; }

// Tensors one after another in one block, each from a cache line on.
struct FlatTensors {
  Tensor flat;  // all of it, as one dim
  std::vector<Tensor> tensors;
};
// Of these shapes; uninitialised, but for what lies between them, which is zero.
FlatTensors allocate_flat(MemoryPool& pool, std::span<const Shape> shapes, DType dtype, MemoryPurpose purpose);

// Copies elements between tensors of the same shape and type.
void copy(const Tensor& from, const Tensor& to);
// The same; all threads share in a large one.
void copy_in_parallel(const Tensor& from, const Tensor& to);
// All threads share in a large one: the first to touch a page pays for it.
void fill_zero(const Tensor& tensor);

}  // namespace kumiko
