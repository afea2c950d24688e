#include "kumiko/comm/mpi_facts.h"

#include <mpi.h>

#include <array>

#include "kumiko/comm/mpi_exchange.h"
#include "kumiko/comm/process.h"

namespace kumiko {

// From "Open MPI v4.1.4, package: ..." or "MPICH Version:\t4.0.2\n...".
std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  std::string version(text.data(), static_cast<size_t>(length));
  version = version.substr(0, version.find_first_of(",\n"));
  for (const char* noise : {"Version:\t", "Version: ", "v"}) {
    const size_t position = version.find(noise);
    if (position == std::string::npos) continue;
    version.erase(position, std::string_view(noise).size());
    break;
  }
  return version;
}

WorldRanks gather_ranks() {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Comm local = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &local),
            "finding the ranks of this host");
  struct Wire {
    std::array<char, 256> host{};
    int64_t process_id = 0;
    int64_t local_rank = 0;
  };
  const RankInfo self = this_process();
  Wire wire;
  self.host.copy(wire.host.data(), wire.host.size() - 1);
  wire.process_id = self.process_id;
  int local_rank = 0;
  MPI_Comm_rank(local, &local_rank);
  WorldRanks world;
  MPI_Comm_size(local, &world.local_size);
  MPI_Comm_free(&local);
  wire.local_rank = local_rank;
  std::vector<Wire> wires(static_cast<size_t>(size));
  check_mpi(MPI_Allgather(&wire, sizeof wire, MPI_BYTE, wires.data(), sizeof wire, MPI_BYTE, MPI_COMM_WORLD),
            "gathering the ranks' hosts");
  for (const Wire& from : wires) {
    world.ranks.push_back({from.host.data(), from.process_id, static_cast<int>(from.local_rank)});
  }
  return world;
}

}  // namespace kumiko
