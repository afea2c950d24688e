// Lists of ranks and hosts as messages name them: short, whatever the size of the job.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "kumiko/comm/communicator.h"

namespace kumiko {

// "rank 3", "ranks 0-2, 7"; beyond `most` ranges "... and 120 more". Ascending and distinct.
std::string ranks_text(std::span<const int64_t> ranks, size_t most = 8);

// The same with where they run: "ranks 0-2, 7 on node01, node02". Without `infos` (of all ranks of the job, in rank
// order) the ranks alone.
std::string ranks_on_hosts(std::span<const int64_t> ranks, std::span<const RankInfo> infos);

}  // namespace kumiko
