#include "kumiko/train/rank_placement.h"

#include <algorithm>
#include <map>
#include <set>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/comm/agreement.h"
#include "kumiko/mesh/node.h"

namespace kumiko {
namespace {

// The ranks of this rank's host that may use the same hardware threads as it, and which of them it is.
struct Sharers {
  int64_t num = 0;
  int64_t index = 0;
};

Sharers find_sharers(const World& world, const std::vector<std::string>& masks) {
  const auto own = static_cast<size_t>(world.rank());
  Sharers sharers;
  for (size_t r = 0; r < masks.size(); ++r) {
    if (world.ranks()[r].host != world.ranks()[own].host || masks[r] != masks[own]) continue;
    if (r < own) ++sharers.index;
    ++sharers.num;
  }
  return sharers;
}

void warn_of_narrow_mask(const NodeTopology& node, const NodeTopology& own, int64_t sharers, int64_t local_ranks) {
  const int64_t left = own.num_cores() * std::max<int64_t>(1, local_ranks / sharers);
  if (2 * left > node.num_cores()) return;
  log::warning(
      "the {} rank{} on this host may use {} of its {} cores, as the launcher or the shell has bound them; to use all, "
      "start with `mpiexec --bind-to none`, `srun --cpu-bind=none`, or without taskset",
      local_ranks, local_ranks == 1 ? "" : "s", left, node.num_cores());
}

}  // namespace

PlacedRank place_rank(const ParallelOptions& options, const World& world, Communicator& all) {
  const Node node = Node::discover();
  const Sharers sharers = find_sharers(world, gather_text(all, ranges_text(node.own_hardware_threads())));
  const NodeTopology own = restricted_to(node.topology(), node.own_hardware_threads());
  if (own.num_cores() == 0) {
    throw_environment("this process may run on hardware threads {} only, which are no cores to compute on",
                      ranges_text(node.own_hardware_threads()));
  }
  if (world.rank() == 0) warn_of_narrow_mask(node.topology(), own, sharers.num, world.local_size());
  const RankPlacement placement =
      place_ranks(own, sharers.num, options.num_threads).at(static_cast<size_t>(sharers.index));
  std::string place;
  int64_t domain = -1;
  if (options.bind == Bind::none) {
    place = fmt::format("{} thread{}, not bound", placement.num_threads, placement.num_threads == 1 ? "" : "s");
  } else {
    const std::string left_out = node.bind(placement);
    place = placement.to_string() + (left_out.empty() ? "" : "; " + left_out);
    if (left_out.empty() && placement.domains.size() == 1) domain = placement.domains.front();
  }
  PlacedRank placed{placement.num_threads, gather_text(all, place), {}};
  for (const std::string& text : gather_text(all, std::to_string(domain))) placed.domains.push_back(std::stoll(text));
  return placed;
}

std::vector<std::string> places_on_hosts(const std::vector<RankInfo>& ranks, const std::vector<std::string>& places) {
  std::vector<std::string> result;
  for (size_t rank = 0; rank < ranks.size(); ++rank) result.push_back(ranks[rank].host + ", " + places[rank]);
  return result;
}

std::vector<SharedLevel> shared_levels(const std::vector<RankInfo>& ranks, const std::vector<int64_t>& domains) {
  SharedLevel domain{"NUMA domain", {}};
  SharedLevel node{"node", {}};
  std::map<std::string, int64_t> nodes;
  std::map<std::pair<int64_t, int64_t>, int64_t> known;
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    const int64_t host = nodes.try_emplace(ranks[rank].host, static_cast<int64_t>(nodes.size())).first->second;
    node.of_rank.push_back(host);
    const auto next = static_cast<int64_t>(known.size());
    const auto alone = -1 - static_cast<int64_t>(rank);
    domain.of_rank.push_back(domains[rank] < 0 ? alone : known.try_emplace({host, domains[rank]}, next).first->second);
  }
  if (known.empty()) return {node};
  return {domain, node};
}

std::vector<std::string> placement_lines(const std::vector<RankInfo>& ranks, const std::vector<std::string>& places,
                                         size_t most_lines) {
  std::vector<std::string> lines;
  if (ranks.size() <= most_lines) {
    for (size_t r = 0; r < ranks.size(); ++r) {
      lines.push_back(fmt::format("rank {}: {}, {}", r, ranks[r].host, places[r]));
    }
    return lines;
  }
  struct Group {
    size_t first_rank = 0;
    size_t num_ranks = 0;
    std::set<std::string> hosts;
  };
  std::map<std::string, Group> groups;
  std::vector<const std::string*> order;
  for (size_t r = 0; r < ranks.size(); ++r) {
    const auto [group, fresh] = groups.try_emplace(places[r], Group{r, 0, {}});
    if (fresh) order.push_back(&group->first);
    ++group->second.num_ranks;
    group->second.hosts.insert(ranks[r].host);
  }
  for (size_t i = 0; i < order.size(); ++i) {
    if (i + 1 == most_lines && order.size() > most_lines) {
      size_t left = 0;
      for (size_t j = i; j < order.size(); ++j) left += groups[*order[j]].num_ranks;
      lines.push_back(fmt::format("and {} ranks in {} more places", left, order.size() - i));
      break;
    }
    const Group& group = groups[*order[i]];
    lines.push_back(group.num_ranks == 1
                        ? fmt::format("rank {}: {}, {}", group.first_rank, *group.hosts.begin(), *order[i])
                        : fmt::format("{} ranks from rank {} on {} host{}: {}", group.num_ranks, group.first_rank,
                                      group.hosts.size(), group.hosts.size() == 1 ? "" : "s", *order[i]));
  }
  return lines;
}

}  // namespace kumiko
