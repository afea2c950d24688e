#include "kumiko/comm/rank_list.h"

#include <algorithm>
#include <set>
#include <vector>

namespace kumiko {

std::string ranks_text(std::span<const int64_t> ranks, size_t most) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  size_t ranges = 0;
  for (size_t begin = 0; begin < ranks.size(); ++ranges) {
    if (ranges == most) return text + fmt::format(" and {} more", ranks.size() - begin);
    size_t end = begin + 1;
    while (end < ranks.size() && ranks[end] == ranks[end - 1] + 1) ++end;
    if (ranges > 0) text += ", ";
    text += std::to_string(ranks[begin]);
    if (end - begin > 1) text += fmt::format("-{}", ranks[end - 1]);
    begin = end;
  }
  return text;
}

std::string ranks_on_hosts(std::span<const int64_t> ranks, std::span<const RankInfo> infos) {
  constexpr size_t most_hosts = 4;
  std::string text = ranks_text(ranks);
  std::vector<std::string> hosts;  // in rank order
  std::set<std::string> known;
  for (const int64_t rank : ranks) {
    if (static_cast<size_t>(rank) >= infos.size()) return text;
    const std::string& host = infos[static_cast<size_t>(rank)].host;
    if (known.insert(host).second) hosts.push_back(host);
  }
  for (size_t i = 0; i < std::min(hosts.size(), most_hosts); ++i) text += (i == 0 ? " on " : ", ") + hosts[i];
  if (hosts.size() > most_hosts) text += fmt::format(" and {} more hosts", hosts.size() - most_hosts);
  return text;
}

}  // namespace kumiko
