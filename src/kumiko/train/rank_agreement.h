// Comparisons that take time: of what ranks see in folders on a file system that may lag behind.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kumiko/comm/agreement.h"

namespace kumiko {

// How often the ranks look again, and how long they wait in between.
struct Patience {
  int looks = 20;
  double seconds = 1;
};

// Collective. check_agreement of the facts that `look` finds, which are looked at again, on all ranks, while they
// differ and `patience` lasts: a network file system may show a rank an older state. Rank 0 says that it waits. Returns
// the times that they looked again.
int await_agreement(Communicator& ranks, const std::function<std::vector<Fact>()>& look,
                    std::span<const RankInfo> infos = {}, Patience patience = {});

}  // namespace kumiko
