// The sizes of a tensor's dims, row-major: the last dim is contiguous.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace kumiko {

class Shape {
 public:
  static constexpr int max_rank = 6;

  Shape() = default;  // no dims: one element
  Shape(std::initializer_list<int64_t> sizes) : Shape(std::span<const int64_t>(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const int64_t> sizes);

  int rank() const { return rank_; }
  int64_t operator[](int dim) const { return sizes_[static_cast<size_t>(dim)]; }
  int64_t& operator[](int dim) { return sizes_[static_cast<size_t>(dim)]; }
  std::span<const int64_t> sizes() const { return {sizes_.data(), static_cast<size_t>(rank_)}; }

  int64_t num_elements() const;
  // num_elements / last size: a tensor seen as a matrix has num_rows() x last().
  int64_t num_rows() const { return last() == 0 ? 0 : num_elements() / last(); }
  int64_t last() const { return rank_ == 0 ? 1 : sizes_[static_cast<size_t>(rank_ - 1)]; }

  std::string to_string() const;  // "[4, 1024, 768]"
  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<int64_t, max_rank> sizes_{};
  int rank_ = 0;
};

}  // namespace kumiko
