#include "kumiko/base/error.h"
#include "kumiko/comm/mpi.h"

namespace kumiko {

std::unique_ptr<World> connect_mpi_world(const Launch& launch, std::shared_ptr<MemoryPool>,
                                         const CommunicationOptions&) {
  throw_environment(
      "{} started {} ranks, but this kumiko was built without MPI: install libopenmpi-dev (or libmpich-dev) and build "
      "again, or run it without a launcher, on one rank",
      launch.launcher, launch.size);
}

}  // namespace kumiko
