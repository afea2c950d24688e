// The mesh of ranks: named axes, and the coordinate of each rank on them. Plain data, no communication.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

enum class Axis : uint8_t { data, pipeline, context, tensor };
inline constexpr int num_axes = 4;
std::string_view name_of(Axis axis);

class Mesh {
 public:
  // Ranks are numbered with the tensor axis fastest, then context, pipeline and data.
  Mesh(int64_t data, int64_t pipeline, int64_t context, int64_t tensor);
  // Only data parallel.
  static Mesh of_data(int64_t size) { return {size, 1, 1, 1}; }

  int64_t size() const;
  int64_t size(Axis axis) const { return sizes_[static_cast<size_t>(axis)]; }
  int64_t coordinate(int64_t rank, Axis axis) const;
  // The ranks that differ from `rank` only on `axis`, in the order of their coordinate: the axis's communicator.
  std::vector<int64_t> group(int64_t rank, Axis axis) const;
  // "2 data x 1 pipeline x 1 context x 1 tensor"
  std::string to_string() const;

 private:
  int64_t stride(Axis axis) const;

  std::array<int64_t, num_axes> sizes_;
};

}  // namespace kumiko
