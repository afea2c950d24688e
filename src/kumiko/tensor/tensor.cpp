#include "kumiko/tensor/tensor.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace kumiko {

Tensor Tensor::empty(MemoryPool& pool, Shape shape, DType dtype, MemoryPurpose purpose) {
  const size_t bytes = static_cast<size_t>(shape.num_elements()) * size_of(dtype);
  return {pool.allocate(bytes, purpose), shape, dtype};
}

Tensor Tensor::zeros(MemoryPool& pool, Shape shape, DType dtype, MemoryPurpose purpose) {
  Tensor tensor = empty(pool, shape, dtype, purpose);
  fill_zero(tensor);
  return tensor;
}

Tensor Tensor::reshaped(Shape shape) const {
  if (shape.num_elements() != num_elements()) {
    throw_internal("a tensor of shape {} seen as {}", shape_.to_string(), shape.to_string());
  }
  return {data_, shape, dtype_};
}

Tensor Tensor::rows(int64_t begin, int64_t end) const {
  if (shape_.rank() == 0 || begin < 0 || begin > end || end > shape_[0]) {
    throw_internal("rows {} to {} of a tensor of shape {}", begin, end, shape_.to_string());
  }
  const int64_t row = shape_[0] == 0 ? 0 : num_elements() / shape_[0];
  Shape shape = shape_;
  shape[0] = end - begin;
  return slice(begin * row, (end - begin) * row).reshaped(shape);
}

Tensor Tensor::slice(int64_t begin, int64_t count) const {
  if (begin < 0 || count < 0 || begin + count > num_elements()) {
    throw_internal("elements {} to {} of a tensor of shape {}", begin, begin + count, shape_.to_string());
  }
  char* first = static_cast<char*>(data_.get()) + static_cast<size_t>(begin) * size_of(dtype_);
  return {std::shared_ptr<void>(data_, first), Shape{count}, dtype_};
}

FlatTensors allocate_flat(MemoryPool& pool, std::span<const Shape> shapes, DType dtype, MemoryPurpose purpose) {
  int64_t total = 0;
  for (const Shape& shape : shapes) total += padded_elements(shape.num_elements());
  FlatTensors made{Tensor::empty(pool, {total}, dtype, purpose), {}};
  int64_t begin = 0;
  for (const Shape& shape : shapes) {
    const int64_t count = shape.num_elements();
    made.tensors.push_back(made.flat.slice(begin, count).reshaped(shape));
    fill_zero(made.flat.slice(begin + count, padded_elements(count) - count));
    begin += padded_elements(count);
  }
  return made;
}

static void check_same(const Tensor& from, const Tensor& to) {
  if (from.shape() != to.shape() || from.dtype() != to.dtype()) {
    throw_internal("copy of {} {} to {} {}", name_of(from.dtype()), from.shape().to_string(), name_of(to.dtype()),
                   to.shape().to_string());
  }
}

void copy(const Tensor& from, const Tensor& to) {
  check_same(from, to);
  std::memcpy(to.raw(), from.raw(), from.num_bytes());
}

// What one thread takes at a time of a large tensor: a huge page.
static constexpr size_t piece = size_t{2} << 20;

void copy_in_parallel(const Tensor& from, const Tensor& to) {
  check_same(from, to);
  const char* source = static_cast<const char*>(from.raw());
  char* destination = static_cast<char*>(to.raw());
  const size_t bytes = from.num_bytes();
#pragma omp parallel for schedule(static) if (bytes > 4 * piece)
  for (size_t at = 0; at < bytes; at += piece) {
    std::memcpy(destination + at, source + at, std::min(piece, bytes - at));
  }
}

void fill_zero(const Tensor& tensor) {
  char* begin = static_cast<char*>(tensor.raw());
  const size_t bytes = tensor.num_bytes();
#pragma omp parallel for schedule(static) if (bytes > 4 * piece)
  for (size_t at = 0; at < bytes; at += piece) std::memset(begin + at, 0, std::min(piece, bytes - at));
}

}  // namespace kumiko
