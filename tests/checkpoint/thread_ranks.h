// Ranks that are threads of this process: what a save needs of a Communicator, without MPI.
#pragma once

#include <functional>

#include "kumiko/comm/communicator.h"

namespace kumiko {

// Runs `body` once on each of `num_ranks` ranks and waits for all. Rethrows the error of the lowest rank that threw.
void run_on_ranks(int num_ranks, const std::function<void(Communicator&)>& body);

}  // namespace kumiko
