// The world of an MPI job. Where MPI is absent, no_mpi.cpp stands in for mpi.cpp and says so.
#pragma once

#include <memory>

#include "kumiko/comm/communicator.h"
#include "kumiko/comm/launcher.h"
#include "kumiko/tensor/memory.h"

namespace kumiko {

// Environment error if MPI does not see the ranks that the launcher announced.
std::unique_ptr<World> connect_mpi_world(const Launch& launch, std::shared_ptr<MemoryPool> pool,
                                         const CommunicationOptions& options = {});

}  // namespace kumiko
