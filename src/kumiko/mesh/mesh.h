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

// The axes from the one whose coordinate changes from each rank to the next, to the outermost.
using RankOrder = std::array<Axis, num_axes>;
inline constexpr RankOrder default_rank_order = {Axis::tensor, Axis::context, Axis::pipeline, Axis::data};
// "tensor-context-pipeline-data" and back. User error if an axis is missing, twice there, or unknown.
RankOrder parse_rank_order(std::string_view text);
std::string to_string(const RankOrder& order);

struct MeshSizes {
  int64_t data = 1;
  int64_t pipeline = 1;
  int64_t context = 1;
  int64_t tensor = 1;
};

class Mesh {
 public:
  // User error if a size is less than 1.
  explicit Mesh(const MeshSizes& sizes, const RankOrder& order = default_rank_order);
  // For so many ranks; data 0 takes what the other axes leave. User error, naming the nearest sizes that fit, if the
  // sizes do not make up the ranks.
  static Mesh for_ranks(int64_t num_ranks, MeshSizes sizes, const RankOrder& order = default_rank_order);

  int64_t size() const;
  int64_t size(Axis axis) const { return sizes_[static_cast<size_t>(axis)]; }
  const RankOrder& order() const { return order_; }
  int64_t coordinate(int64_t rank, Axis axis) const { return rank / stride(axis) % size(axis); }
  // Ranks from one to the next along the axis.
  int64_t stride(Axis axis) const { return strides_[static_cast<size_t>(axis)]; }
  // The ranks that differ from `rank` only on `axis`, in the order of their coordinate: the axis's communicator.
  std::vector<int64_t> group(int64_t rank, Axis axis) const;
  // "2 data x 1 pipeline x 1 context x 1 tensor"
  std::string to_string() const;

 private:
  std::array<int64_t, num_axes> sizes_;
  std::array<int64_t, num_axes> strides_;
  RankOrder order_;
};

}  // namespace kumiko
