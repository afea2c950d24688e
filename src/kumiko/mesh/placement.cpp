#include "kumiko/mesh/placement.h"

#include <algorithm>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

int64_t size_of(const MemoryDomain& domain) { return static_cast<int64_t>(domain.cores.size()); }

// Ranks of `threads` cores that the domains hold, none across two.
int64_t ranks_within_domains(const NodeTopology& node, int64_t threads) {
  int64_t ranks = 0;
  for (const MemoryDomain& domain : node.domains) ranks += size_of(domain) / threads;
  return ranks;
}

// The most cores that every one of `num_ranks` ranks can have within a domain; 0 if there are fewer cores than ranks.
int64_t most_threads_within_domains(const NodeTopology& node, int64_t num_ranks) {
  int64_t threads = 0;
  while (ranks_within_domains(node, threads + 1) >= num_ranks) ++threads;
  return threads;
}

// How many ranks each domain takes.
std::vector<int64_t> balance(const NodeTopology& node, int64_t num_ranks, int64_t threads) {
  std::vector<int64_t> ranks(node.domains.size(), 0);
  std::vector<size_t> fitting;
  for (size_t d = 0; d < ranks.size(); ++d) {
    if (size_of(node.domains[d]) >= threads) fitting.push_back(d);
  }
  const auto num_fitting = static_cast<int64_t>(fitting.size());
  if (num_ranks <= num_fitting) {  // apart from each other: on two sockets rather than one
    for (int64_t r = 0; r < num_ranks; ++r) ranks[fitting[static_cast<size_t>(r * num_fitting / num_ranks)]] = 1;
    return ranks;
  }
  for (int64_t r = 0; r < num_ranks; ++r) {
    size_t roomiest = ranks.size();
    for (const size_t d : fitting) {
      if (ranks[d] + 1 > size_of(node.domains[d]) / threads) continue;
      if (roomiest == ranks.size() ||
          size_of(node.domains[d]) * (ranks[roomiest] + 1) > size_of(node.domains[roomiest]) * (ranks[d] + 1)) {
        roomiest = d;
      }
    }
    ++ranks[roomiest];
  }
  return ranks;
}

struct PlacedCore {
  int domain = 0;
  Core core;
};

// Cuts `cores` into `parts` contiguous, nearly equal parts and appends them.
void append_parts(const std::vector<PlacedCore>& cores, int64_t parts, int64_t threads,
                  std::vector<RankPlacement>& placements) {
  const auto count = static_cast<int64_t>(cores.size());
  for (int64_t part = 0; part < parts; ++part) {
    RankPlacement placement;
    placement.num_threads = threads;
    for (int64_t i = part * count / parts; i < (part + 1) * count / parts; ++i) {
      const PlacedCore& placed = cores[static_cast<size_t>(i)];
      placement.cores.push_back(placed.core);
      if (placement.domains.empty() || placement.domains.back() != placed.domain) {
        placement.domains.push_back(placed.domain);
      }
    }
    std::sort(placement.domains.begin(), placement.domains.end());
    placements.push_back(std::move(placement));
  }
}

std::vector<PlacedCore> cores_of(const MemoryDomain& domain) {
  std::vector<PlacedCore> cores;
  for (const Core& core : domain.cores) cores.push_back({domain.id, core});
  return cores;
}

}  // namespace

int64_t NodeTopology::num_cores() const {
  int64_t cores = 0;
  for (const MemoryDomain& domain : domains) cores += size_of(domain);
  return cores;
}

NodeTopology restricted_to(const NodeTopology& node, std::span<const int> hardware_threads) {
  const auto kept = [&](const std::vector<Core>& cores) {
    std::vector<Core> usable;
    for (const Core& core : cores) {
      Core left{0, {}};
      for (const int thread : core.hardware_threads) {
        if (std::find(hardware_threads.begin(), hardware_threads.end(), thread) != hardware_threads.end()) {
          left.hardware_threads.push_back(thread);
        }
      }
      if (left.hardware_threads.empty()) continue;
      left.id = left.hardware_threads.front();
      usable.push_back(std::move(left));
    }
    return usable;
  };
  NodeTopology left;
  left.assistant_cores = kept(node.assistant_cores);
  for (const MemoryDomain& domain : node.domains) {
    MemoryDomain part{domain.id, kept(domain.cores)};
    if (!part.cores.empty()) left.domains.push_back(std::move(part));
  }
  return left;
}

NodeTopology with_assistant_cores(NodeTopology node) {
  int64_t largest = 0;
  for (const MemoryDomain& domain : node.domains) largest = std::max(largest, size_of(domain));
  std::erase_if(node.domains, [&](const MemoryDomain& domain) {
    if (4 * size_of(domain) > largest) return false;
    node.assistant_cores.insert(node.assistant_cores.end(), domain.cores.begin(), domain.cores.end());
    return true;
  });
  return node;
}

bool RankPlacement::one_core_a_thread() const {
  const auto num_cores = static_cast<int64_t>(cores.size());
  return num_threads <= num_cores && 2 * num_threads > num_cores;
}

const Core& RankPlacement::core_of_thread(int64_t i) const {
  return cores.at(static_cast<size_t>(i * static_cast<int64_t>(cores.size()) / num_threads));
}

std::string RankPlacement::to_string() const {
  std::vector<int> ids;
  for (const Core& core : cores) ids.push_back(core.id);
  return fmt::format("NUMA {}, core{} {}, {} thread{}", ranges_text(domains), ids.size() == 1 ? "" : "s",
                     ranges_text(ids), num_threads, num_threads == 1 ? "" : "s");
}

std::vector<RankPlacement> place_ranks(const NodeTopology& node, int64_t num_ranks, int64_t num_threads) {
  const int64_t num_cores = node.num_cores();
  if (num_cores < 1 || num_ranks < 1 || num_threads < 0) {
    throw_internal("placing {} ranks of {} threads on {} cores", num_ranks, num_threads, num_cores);
  }
  std::vector<PlacedCore> all;
  for (const MemoryDomain& domain : node.domains) {
    const std::vector<PlacedCore> cores = cores_of(domain);
    all.insert(all.end(), cores.begin(), cores.end());
  }
  std::vector<RankPlacement> placements;
  if (num_ranks > num_cores) {
    for (int64_t r = 0; r < num_ranks; ++r) append_parts(all, 1, std::max<int64_t>(1, num_threads), placements);
    return placements;
  }
  const int64_t across = num_cores / num_ranks;
  int64_t threads = num_threads;
  if (threads == 0) {
    const int64_t within = most_threads_within_domains(node, num_ranks);
    threads = num_ranks > 1 && 4 * within >= 3 * across ? within : across;
  }
  if (ranks_within_domains(node, threads) < num_ranks) {
    append_parts(all, num_ranks, threads, placements);
    return placements;
  }
  const std::vector<int64_t> ranks = balance(node, num_ranks, threads);
  for (size_t d = 0; d < node.domains.size(); ++d) {
    append_parts(cores_of(node.domains[d]), ranks[d], threads, placements);
  }
  return placements;
}

std::string ranges_text(std::vector<int> numbers) {
  std::sort(numbers.begin(), numbers.end());
  std::string text;
  for (size_t begin = 0; begin < numbers.size();) {
    size_t end = begin + 1;
    const int step = end < numbers.size() ? numbers[end] - numbers[begin] : 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + step) ++end;
    if (step > 1 && end - begin < 3) end = begin + 1;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[begin]);
    if (end - begin > 1) text += fmt::format("-{}", numbers[end - 1]);
    if (end - begin > 1 && step > 1) text += fmt::format(":{}", step);
    begin = end;
  }
  return text;
}

}  // namespace kumiko
