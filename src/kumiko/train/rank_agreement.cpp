#include "kumiko/train/rank_agreement.h"

#include <chrono>
#include <thread>

#include "kumiko/base/log.h"

namespace kumiko {

int await_agreement(Communicator& ranks, const std::function<std::vector<Fact>()>& look,
                    std::span<const RankInfo> infos, Patience patience) {
  std::vector<Fact> facts = look();
  int again = 0;
  for (; again < patience.looks && !agreed(ranks, facts); ++again) {
    if (again == 0 && ranks.rank() == 0) {
      log::info("the ranks do not see the same in {}{}; waiting up to {:.0f} s, as a network file system may be behind",
                facts.empty() ? "a folder" : facts[0].name, facts.size() > 1 ? " and others" : "",
                patience.looks * patience.seconds);
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(patience.seconds));
    facts = look();
  }
  check_agreement(ranks, facts, infos);
  if (again > 0 && ranks.rank() == 0) log::info("all ranks see the same now, after {:.0f} s", again * patience.seconds);
  return again;
}

}  // namespace kumiko
