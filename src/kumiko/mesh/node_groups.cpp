#include "kumiko/mesh/node_groups.h"

#include <charconv>

#include "kumiko/base/error.h"

namespace kumiko {

std::vector<NodeGroup> node_groups(const Mesh& mesh, int64_t ranks_per_node) {
  std::vector<NodeGroup> groups;
  int64_t room = ranks_per_node;  // of a node for the axes to come
  for (const Axis axis : mesh.order()) {
    const int64_t size = mesh.size(axis);
    if (room % size == 0) {
      room /= size;
    } else if (size % room == 0) {
      groups.push_back({axis, size / room});
      room = 1;
    } else {
      return {};
    }
  }
  return groups;
}

void check_ranks_per_node(int64_t ranks_per_node) {
  if (ranks_per_node < 1 || ranks_per_node > most_ranks) {
    throw_user("{} ranks a node: expected 1 to {}", ranks_per_node, most_ranks);
  }
}

std::vector<int64_t> parse_network(std::string_view text, size_t least, size_t most, std::string_view network,
                                   std::string_view expected) {
  const auto fail = [&] { throw_user("{} \"{}\": expected {}", network, text, expected); };
  std::vector<int64_t> sizes;
  int64_t nodes = 1;
  const char* const text_end = text.data() + text.size();
  for (const char* at = text.data(); true; ++at) {
    int64_t size = 0;
    const auto [end, error] = std::from_chars(at, text_end, size);
    if (error != std::errc() || size < 1 || sizes.size() == most) fail();
    if (size > most_ranks / nodes) throw_user("{} \"{}\": more than {} nodes", network, text, most_ranks);
    nodes *= size;
    sizes.push_back(size);
    if (end == text_end) break;
    if (*end != 'x') fail();
    at = end;
  }
  if (sizes.size() < least) fail();
  return sizes;
}

void check_room(const Mesh& mesh, int64_t num_nodes, int64_t ranks_per_node, const std::string& network) {
  check_ranks_per_node(ranks_per_node);
  if (mesh.size() <= num_nodes * ranks_per_node) return;
  const int64_t needed = (mesh.size() + ranks_per_node - 1) / ranks_per_node;
  const auto plural = [](int64_t count) { return count == 1 ? "" : "s"; };
  throw_user("{} ({} rank{}) needs {} node{} of {} rank{} each, but {} has {}", mesh.to_string(), mesh.size(),
             plural(mesh.size()), needed, plural(needed), ranks_per_node, plural(ranks_per_node), network, num_nodes);
}

}  // namespace kumiko
