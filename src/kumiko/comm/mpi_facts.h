// What MPI knows about itself and about where its ranks run. Only mpi*.cpp include this.
#pragma once

#include <string>
#include <vector>

#include "kumiko/comm/communicator.h"

namespace kumiko {

// "Open MPI 4.1.4"
std::string mpi_library_version();

struct WorldRanks {
  std::vector<RankInfo> ranks;
  int local_size = 1;  // of this rank's host
};

// Collective over the world.
WorldRanks gather_ranks();

}  // namespace kumiko
