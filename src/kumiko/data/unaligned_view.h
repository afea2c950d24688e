// A read-only array of numbers at any byte address. The arrays of an .idx file start at offset 34, so they cannot be
// read through pointers of their own type; a mapped file of hundreds of gigabytes must not be copied either.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace kumiko {

template <class T>
class UnalignedView {
 public:
  UnalignedView() = default;
  UnalignedView(const std::byte* data, int64_t size) : data_(data), size_(size) {}
  // NOLINTNEXTLINE(google-explicit-constructor): an array is such a view.
  UnalignedView(std::span<const T> values)
      : data_(reinterpret_cast<const std::byte*>(values.data())), size_(static_cast<int64_t>(values.size())) {}

  int64_t size() const { return size_; }
  T operator[](int64_t index) const {
    T value;
    std::memcpy(&value, data_ + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
    return value;
  }

 private:
  const std::byte* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace kumiko
