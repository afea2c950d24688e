#include "kumiko/mesh/mesh_table.h"

#include <algorithm>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// "0, 4, 8, 12", or "0, 4, 8 ... 60" of many.
std::string list_of(const std::vector<int64_t>& ranks) {
  constexpr size_t most = 4;
  std::string text;
  for (size_t i = 0; i < std::min(ranks.size(), ranks.size() > most ? most - 1 : most); ++i) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", ranks[i]);
  }
  return ranks.size() > most ? text + fmt::format(" ... {}", ranks.back()) : text;
}

std::string row_of(const Mesh& mesh, int64_t rank, const std::string& place) {
  return fmt::format("{:>8} {:>6} {:>9} {:>8} {:>7}   {}\n", rank, mesh.coordinate(rank, Axis::data),
                     mesh.coordinate(rank, Axis::pipeline), mesh.coordinate(rank, Axis::context),
                     mesh.coordinate(rank, Axis::tensor), place);
}

}  // namespace

std::string rank_table(const Mesh& mesh, const std::vector<std::string>& places, int64_t most_rows) {
  std::string text =
      fmt::format("{:>8} {:>6} {:>9} {:>8} {:>7}   {}\n", "rank", "data", "pipeline", "context", "tensor", "place");
  const int64_t last_rows = mesh.size() > most_rows ? std::max<int64_t>(1, most_rows / 4) : 0;
  const int64_t first_rows = std::min(mesh.size(), most_rows - last_rows);
  for (int64_t rank = 0; rank < mesh.size(); ++rank) {
    if (rank == first_rows && last_rows > 0) {
      text += fmt::format("{:>8}   {} ranks not shown\n", "...", mesh.size() - first_rows - last_rows);
      rank = mesh.size() - last_rows;
    }
    text += row_of(mesh, rank, places[static_cast<size_t>(rank)]);
  }
  return text;
}

std::vector<std::string> rank_lines(const Mesh& mesh, const std::vector<std::string>& places) {
  std::vector<std::string> lines;
  for (int64_t rank = 0; rank < mesh.size(); ++rank) {
    std::string line = fmt::format("rank {}", rank);
    for (const Axis axis : {Axis::data, Axis::pipeline, Axis::context, Axis::tensor}) {
      if (mesh.size(axis) > 1) line += fmt::format(", {} {}", name_of(axis), mesh.coordinate(rank, axis));
    }
    lines.push_back(line + ": " + places[static_cast<size_t>(rank)]);
  }
  return lines;
}

std::vector<std::string> axis_lines(const Mesh& mesh, const std::vector<SharedLevel>& levels,
                                    const std::string& beyond) {
  std::vector<std::string> lines;
  const auto found = localities(mesh, levels);
  for (const Axis axis : mesh.order()) {
    if (mesh.size(axis) == 1) continue;
    const AxisLocality& locality = found[static_cast<size_t>(axis)];
    lines.push_back(fmt::format("{}: {} group{} of {} ranks ({}), {}", name_of(axis), locality.groups,
                                locality.groups == 1 ? "" : "s", mesh.size(axis), list_of(mesh.group(0, axis)),
                                locality.to_string(levels, beyond)));
  }
  return lines;
}

std::string axis_table(const Mesh& mesh, const std::vector<SharedLevel>& levels, const std::string& beyond) {
  std::string text = fmt::format("{:<9} {:>6} {:>8}   {:<24} {}\n", "axis", "size", "groups", "first group", "lie in");
  const auto found = localities(mesh, levels);
  for (const Axis axis : mesh.order()) {
    if (mesh.size(axis) == 1) continue;
    const AxisLocality& locality = found[static_cast<size_t>(axis)];
    text += fmt::format("{:<9} {:>6} {:>8}   {:<24} {}\n", name_of(axis), mesh.size(axis), locality.groups,
                        list_of(mesh.group(0, axis)), locality.to_string(levels, beyond));
  }
  return text;
}

}  // namespace kumiko
