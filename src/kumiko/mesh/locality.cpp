#include "kumiko/mesh/locality.h"

#include <numeric>

#include "kumiko/base/error.h"

namespace kumiko {

static bool share(const SharedLevel& level, const std::vector<int64_t>& group) {
  const int64_t first = level.of_rank[static_cast<size_t>(group.front())];
  for (const int64_t rank : group) {
    if (level.of_rank[static_cast<size_t>(rank)] != first) return false;
  }
  return true;
}

std::array<AxisLocality, num_axes> localities(const Mesh& mesh, const std::vector<SharedLevel>& levels) {
  std::array<AxisLocality, num_axes> result;
  for (size_t i = 0; i < num_axes; ++i) {
    const auto axis = static_cast<Axis>(i);
    AxisLocality& locality = result[i];
    locality = {axis, 0, std::vector<int64_t>(levels.size())};
    for (int64_t rank = 0; rank < mesh.size(); ++rank) {
      if (mesh.coordinate(rank, axis) != 0) continue;
      ++locality.groups;
      const std::vector<int64_t> group = mesh.group(rank, axis);
      for (size_t level = 0; level < levels.size(); ++level) {
        if (!share(levels[level], group)) continue;
        ++locality.within[level];
        break;
      }
    }
  }
  return result;
}

std::string AxisLocality::to_string(const std::vector<SharedLevel>& levels, const std::string& beyond) const {
  std::string text;
  const auto add = [&](int64_t count, const std::string& where) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, where);
  };
  for (size_t level = 0; level < levels.size(); ++level) add(within[level], "in one " + levels[level].name);
  add(groups - std::accumulate(within.begin(), within.end(), int64_t{0}), "over the " + beyond);
  return text;
}

}  // namespace kumiko
