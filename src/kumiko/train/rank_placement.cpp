#include "kumiko/train/rank_placement.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "kumiko/base/environment.h"
#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/comm/agreement.h"
#include "kumiko/mesh/cpu_quota.h"
#include "kumiko/mesh/node.h"
#include "kumiko/mesh/thread_count.h"

namespace kumiko {
namespace {

// The ranks of this rank's host that have the same of something (`texts`, of every rank), and which of them it is.
struct Sharers {
  int64_t num = 0;
  int64_t index = 0;
};

Sharers find_sharers(const World& world, const std::vector<std::string>& texts) {
  const auto own = static_cast<size_t>(world.rank());
  Sharers sharers;
  for (size_t r = 0; r < texts.size(); ++r) {
    if (world.ranks()[r].host != world.ranks()[own].host || texts[r] != texts[own]) continue;
    if (r < own) ++sharers.index;
    ++sharers.num;
  }
  return sharers;
}

// The hardware threads and the group of "0-3 /sys/fs/cgroup/a", of every rank.
std::pair<std::vector<std::string>, std::vector<std::string>> parts_of(const std::vector<std::string>& texts) {
  std::pair<std::vector<std::string>, std::vector<std::string>> parts;
  for (const std::string& text : texts) {
    const size_t space = text.find(' ');
    parts.first.push_back(text.substr(0, space));
    parts.second.push_back(text.substr(space + 1));
  }
  return parts;
}

// What some ranks have to say, once: the first one's words, and on how many more hosts ranks have any.
void warn_once(const World& world, Communicator& all, const std::string& own) {
  const std::vector<std::string> warnings = gather_text(all, own);
  if (world.rank() != 0) return;
  std::set<std::string> hosts;
  std::string first;
  for (size_t r = 0; r < warnings.size(); ++r) {
    if (warnings[r].empty()) continue;
    const std::string& host = world.ranks()[r].host;
    if (first.empty()) first = world.size() == 1 ? warnings[r] : fmt::format("on {}: {}", host, warnings[r]);
    hosts.insert(host);
  }
  if (first.empty()) return;
  log::warning("{}{}", first, hosts.size() > 1 ? fmt::format("; likewise on {} more hosts", hosts.size() - 1) : "");
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
  std::optional<Node> discovered;
  std::optional<CpuQuota> quota;
  NodeTopology own;
  const auto discover = [&] {
    discovered = Node::discover();
    quota = cpu_quota();
    own = restricted_to(discovered->topology(), discovered->own_hardware_threads());
    if (own.num_cores() > 0) return;
    throw_environment("this process may run on hardware threads {} only, which are no cores to compute on",
                      ranges_text(discovered->own_hardware_threads()));
  };
  together(all, discover, world.ranks());
  const Node& node = *discovered;
  const auto [masks, groups] = parts_of(
      gather_text(all, ranges_text(node.own_hardware_threads()) + " " + (quota ? quota->group : std::string())));
  const Sharers sharers = find_sharers(world, masks);
  if (world.rank() == 0) warn_of_narrow_mask(node.topology(), own, sharers.num, world.local_size());
  const auto place = [&](int64_t num_threads) {
    return place_ranks(own, sharers.num, num_threads).at(static_cast<size_t>(sharers.index));
  };
  ThreadFacts facts;
  facts.option = options.num_threads;
  facts.environment = environment::get(environment::num_threads);
  facts.cores = own.num_cores();
  facts.sharers = sharers.num;
  facts.threads_for_cores = place(0).num_threads;
  if (quota) facts.quota = quota->cpus;
  facts.quota_sharers = quota ? find_sharers(world, groups).num : 1;
  const ThreadCount count = count_threads(facts);
  warn_once(world, all, count.warning);
  const RankPlacement placement = place(count.threads);
  // The option is in the configuration; anything else decides unseen.
  const std::string by = facts.option == 0 && !count.decided_by.empty() ? " by " + count.decided_by : "";
  std::string where;
  int64_t domain = -1;
  if (options.bind == Bind::none) {
    where = fmt::format("{} thread{}{}, not bound", placement.num_threads, placement.num_threads == 1 ? "" : "s", by);
  } else {
    const std::string left_out = node.bind(placement);
    where = placement.to_string() + by + (left_out.empty() ? "" : "; " + left_out);
    if (left_out.empty() && placement.domains.size() == 1) domain = placement.domains.front();
  }
  PlacedRank placed{placement.num_threads, gather_text(all, where), {}};
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
