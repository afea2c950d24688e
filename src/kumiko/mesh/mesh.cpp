#include "kumiko/mesh/mesh.h"

#include <numeric>

#include "kumiko/base/error.h"

namespace kumiko {

std::string_view name_of(Axis axis) {
  constexpr std::array<std::string_view, num_axes> names = {"data", "pipeline", "context", "tensor"};
  return names[static_cast<size_t>(axis)];
}

Mesh::Mesh(int64_t data, int64_t pipeline, int64_t context, int64_t tensor) : sizes_{data, pipeline, context, tensor} {
  for (size_t axis = 0; axis < sizes_.size(); ++axis) {
    if (sizes_[axis] < 1) {
      throw_user("the {} axis of the mesh has size {}: expected 1 or more", name_of(static_cast<Axis>(axis)),
                 sizes_[axis]);
    }
  }
}

int64_t Mesh::size() const { return std::accumulate(sizes_.begin(), sizes_.end(), int64_t{1}, std::multiplies<>()); }

int64_t Mesh::stride(Axis axis) const {
  int64_t product = 1;
  for (size_t later = static_cast<size_t>(axis) + 1; later < sizes_.size(); ++later) product *= sizes_[later];
  return product;
}

int64_t Mesh::coordinate(int64_t rank, Axis axis) const { return rank / stride(axis) % size(axis); }

std::vector<int64_t> Mesh::group(int64_t rank, Axis axis) const {
  std::vector<int64_t> ranks;
  const int64_t first = rank - coordinate(rank, axis) * stride(axis);
  for (int64_t i = 0; i < size(axis); ++i) ranks.push_back(first + i * stride(axis));
  return ranks;
}

std::string Mesh::to_string() const {
  std::string text;
  for (size_t axis = 0; axis < sizes_.size(); ++axis) {
    text += fmt::format("{}{} {}", axis == 0 ? "" : " x ", sizes_[axis], name_of(static_cast<Axis>(axis)));
  }
  return text;
}

}  // namespace kumiko
