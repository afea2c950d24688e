#include "kumiko/mesh/torus.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "kumiko/base/error.h"
#include "kumiko/mesh/node_groups.h"

namespace kumiko {
namespace {

using Factors = std::array<int64_t, 3>;

// Nodes that belong to one axis: a box of `factors` steps of `strides` nodes along each dim of the torus, walked like
// the lines of a field that is ploughed.
struct Walk {
  Factors factors = {1, 1, 1};
  Factors strides = {1, 1, 1};

  int64_t length() const { return factors[0] * factors[1] * factors[2]; }

  // The dims from the one that changes at each step: shortest steps first, among equals the longest line.
  std::array<size_t, 3> dims() const {
    std::array<size_t, 3> order = {0, 1, 2};
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      if (strides[a] != strides[b]) return strides[a] < strides[b];
      return factors[a] != factors[b] ? factors[a] > factors[b] : a < b;
    });
    return order;
  }

  // Position `step` of the walk, in nodes from its beginning.
  NodeCoordinate at(int64_t step) const {
    const auto [d0, d1, d2] = dims();
    const int64_t line = step / factors[d0];
    const int64_t plane = line / factors[d1];
    const auto turned = [](int64_t at, int64_t length, bool back) { return back ? length - 1 - at : at; };
    NodeCoordinate place{};
    place[d0] = turned(step % factors[d0], factors[d0], line % 2 == 1) * strides[d0];
    place[d1] = turned(line % factors[d1], factors[d1], plane % 2 == 1) * strides[d1];
    place[d2] = plane * strides[d2];
    return place;
  }

  // Links from each position to the next and from the last to the first, on average.
  double mean_hops(const TorusShape& torus) const {
    const auto [d0, d1, d2] = dims();
    const int64_t lines = factors[d1] * factors[d2];
    const auto step = [&](size_t dim) {
      NodeCoordinate next{};
      next[dim] = strides[dim];
      return hops_between(torus, {}, next);
    };
    const int64_t along = lines * (factors[d0] - 1) * step(d0) + factors[d2] * (factors[d1] - 1) * step(d1) +
                          (factors[d2] - 1) * step(d2);
    const int64_t closing = hops_between(torus, at(length() - 1), {});
    return static_cast<double>(along + closing) / static_cast<double>(length());
  }
};

// Finds the walks, innermost first, whose boxes fill the torus with the fewest links between neighbours; inner ones
// decide before outer ones.
class BoxSearch {
 public:
  BoxSearch(const TorusShape& torus, std::vector<int64_t> lengths) : torus_(torus), lengths_(std::move(lengths)) {}

  std::optional<std::vector<Walk>> best() {
    search(0, {1, 1, 1});
    return best_;
  }

 private:
  void search(size_t index, const Factors& strides) {
    if (index == lengths_.size()) {
      if (!best_ || costs_ < best_costs_) {
        best_ = walks_;
        best_costs_ = costs_;
      }
      return;
    }
    Factors left{};
    for (size_t dim = 0; dim < 3; ++dim) left[dim] = torus_.sizes[dim] / strides[dim];
    const int64_t length = lengths_[index];
    for (int64_t x = 1; x <= std::min(length, left[0]); ++x) {
      if (length % x != 0 || left[0] % x != 0) continue;
      for (int64_t y = 1; y <= std::min(length / x, left[1]); ++y) {
        if (length / x % y != 0 || left[1] % y != 0) continue;
        const int64_t z = length / x / y;
        if (left[2] % z == 0) take(index, {{x, y, z}, strides});
      }
    }
  }

  void take(size_t index, const Walk& walk) {
    const double cost = walk.mean_hops(torus_);
    // No better than the best so far whatever follows.
    if (best_ && std::equal(costs_.begin(), costs_.end(), best_costs_.begin()) && cost > best_costs_[index]) return;
    walks_.push_back(walk);
    costs_.push_back(cost);
    Factors strides{};
    for (size_t dim = 0; dim < 3; ++dim) strides[dim] = walk.strides[dim] * walk.factors[dim];
    search(index + 1, strides);
    walks_.pop_back();
    costs_.pop_back();
  }

  const TorusShape& torus_;
  std::vector<int64_t> lengths_;
  std::vector<Walk> walks_;
  std::vector<double> costs_;
  std::optional<std::vector<Walk>> best_;
  std::vector<double> best_costs_;
};

// Nothing where the groups do not cut the torus into boxes.
std::optional<std::vector<Walk>> walks_of(const Mesh& mesh, const TorusShape& torus, int64_t ranks_per_node) {
  if (mesh.size() <= ranks_per_node) return std::vector<Walk>{};  // one node
  std::vector<int64_t> lengths;
  for (const NodeGroup& group : node_groups(mesh, ranks_per_node)) lengths.push_back(group.nodes);
  const int64_t nodes = std::accumulate(lengths.begin(), lengths.end(), int64_t{1}, std::multiplies<>());
  if (lengths.empty() || nodes != torus.num_nodes()) return std::nullopt;
  return BoxSearch(torus, lengths).best();
}

AxisHops measure(const Mesh& mesh, const TorusShape& torus, const std::vector<NodeCoordinate>& nodes, Axis axis) {
  AxisHops result{axis};
  int64_t total = 0;
  const int64_t stride = mesh.stride(axis);
  const int64_t size = mesh.size(axis);
  for (int64_t rank = 0; rank < mesh.size(); ++rank) {
    const bool last = mesh.coordinate(rank, axis) == size - 1;
    const int64_t next = last ? rank - (size - 1) * stride : rank + stride;
    const int64_t hops = hops_between(torus, nodes[static_cast<size_t>(rank)], nodes[static_cast<size_t>(next)]);
    total += hops;
    result.most = std::max(result.most, hops);
  }
  result.mean = static_cast<double>(total) / static_cast<double>(mesh.size());
  return result;
}

}  // namespace

TorusShape parse_torus(std::string_view text) {
  constexpr std::string_view expected = "up to three sizes as 48x6x48, with :mesh behind where the ends are not linked";
  TorusShape torus;
  const std::string_view shape = text.substr(0, text.find(':'));
  if (shape.size() < text.size()) {
    const std::string_view kind = text.substr(shape.size() + 1);
    if (kind != "torus" && kind != "mesh") throw_user("torus \"{}\": expected {}", text, expected);
    torus.wraps = kind == "torus";
  }
  const std::vector<int64_t> sizes = parse_network(shape, 1, torus.sizes.size(), "torus", expected);
  std::copy(sizes.begin(), sizes.end(), torus.sizes.begin());
  return torus;
}

std::string to_string(const TorusShape& torus) {
  return fmt::format("{}x{}x{}{}", torus.sizes[0], torus.sizes[1], torus.sizes[2], torus.wraps ? "" : ":mesh");
}

int64_t hops_between(const TorusShape& torus, const NodeCoordinate& a, const NodeCoordinate& b) {
  int64_t hops = 0;
  for (size_t dim = 0; dim < a.size(); ++dim) {
    const int64_t distance = std::abs(a[dim] - b[dim]);
    hops += torus.wraps ? std::min(distance, torus.sizes[dim] - distance) : distance;
  }
  return hops;
}

TorusPlacement place_on_torus(const Mesh& mesh, const TorusShape& torus, int64_t ranks_per_node) {
  check_room(mesh, torus.num_nodes(), ranks_per_node, "a torus of " + to_string(torus));
  TorusPlacement placement;
  std::vector<Walk> walks = {Walk{torus.sizes, {1, 1, 1}}};
  if (auto boxes = walks_of(mesh, torus, ranks_per_node)) {
    walks = std::move(*boxes);
  } else {
    placement.in_boxes = false;
  }
  for (int64_t rank = 0; rank < mesh.size(); ++rank) {
    NodeCoordinate node{};
    int64_t slot = rank / ranks_per_node;
    for (const Walk& walk : walks) {
      const NodeCoordinate step = walk.at(slot % walk.length());
      for (size_t dim = 0; dim < node.size(); ++dim) node[dim] += step[dim];
      slot /= walk.length();
    }
    placement.nodes.push_back(node);
  }
  for (size_t axis = 0; axis < num_axes; ++axis) {
    placement.hops[axis] = measure(mesh, torus, placement.nodes, static_cast<Axis>(axis));
  }
  return placement;
}

FittingTorus fitting_torus(const Mesh& mesh, int64_t ranks_per_node) {
  FittingTorus fitting{std::min(ranks_per_node, mesh.size()), {}};
  if (fitting.ranks_per_node == mesh.size()) return fitting;
  while (node_groups(mesh, fitting.ranks_per_node).empty()) --fitting.ranks_per_node;
  size_t dim = 0;
  for (const NodeGroup& group : node_groups(mesh, fitting.ranks_per_node)) {
    fitting.torus.sizes[std::min<size_t>(dim++, 2)] *= group.nodes;
  }
  return fitting;
}

std::string vcoordfile(const TorusPlacement& placement, const TorusShape& torus) {
  std::string text;
  size_t num_dims = 3;
  while (num_dims > 1 && torus.sizes[num_dims - 1] == 1) --num_dims;
  for (const NodeCoordinate& node : placement.nodes) {
    text += fmt::format("({}", node[0]);
    for (size_t dim = 1; dim < num_dims; ++dim) text += fmt::format(",{}", node[dim]);
    text += ")\n";
  }
  return text;
}

}  // namespace kumiko
