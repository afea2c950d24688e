// The mesh of ranks: named axes, and the coordinate of each rank on them. Plain data, no communication.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

// `all` is no direction of the mesh: a communicator of every rank has it, and what it moves is counted under it.
enum class Axis : uint8_t { data, pipeline, context, tensor, all };
inline constexpr int num_axes = 4;  // of the mesh
std::string_view name_of(Axis axis);
// What its size says, for help texts: "ranks that share each layer".
std::string_view help_of(Axis axis);

// A hundred times the largest machine; so many ranks can still be listed.
inline constexpr int64_t most_ranks = int64_t{1} << 24;

// The axes from the one whose coordinate changes from each rank to the next, to the outermost.
using RankOrder = std::array<Axis, num_axes>;
inline constexpr RankOrder default_rank_order = {Axis::tensor, Axis::context, Axis::pipeline, Axis::data};
inline constexpr std::string_view rank_order_help = "order of the axes, fastest-changing first, joined by hyphens";
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
  // User error if a size is less than 1, or if they make up more than most_ranks.
  explicit Mesh(const MeshSizes& sizes, const RankOrder& order = default_rank_order);
  // For so many ranks; data 0 takes what the other axes leave. User error, naming the options of the axes that are
  // above 1 and the nearest sizes that fit, if the sizes do not make up the ranks.
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
