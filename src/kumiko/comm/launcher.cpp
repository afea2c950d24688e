#include "kumiko/comm/launcher.h"

#include <array>
#include <charconv>

#include "kumiko/base/environment.h"
#include "kumiko/base/log.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/comm/mpi.h"
#include "kumiko/comm/self.h"

namespace kumiko {
namespace {

struct Family {
  const char* launcher;
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* required;  // must be set too
};

constexpr std::array families = {
    Family{"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
           "OMPI_COMM_WORLD_RANK"},
    Family{"Fujitsu PLE", "PMIX_RANK", "PJM_MPI_PROC", "PLE_RANK_ON_NODE", "PJM_MPI_PROC"},
    Family{"PALS", "PALS_RANKID", "PMI_SIZE", "PALS_LOCAL_RANKID", "PALS_RANKID"},
    Family{"PALS", "PMI_RANK", "PMI_SIZE", "PMI_LOCAL_RANK", "PMI_LOCAL_RANK"},
    Family{"Hydra (MPICH, Intel MPI)", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "PMI_RANK"},
    Family{"Slurm", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_STEP_ID"},
};

std::optional<int> number(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Launch> discover_launch(const std::function<std::string(const char*)>& lookup) {
  for (const Family& family : families) {
    const std::optional<int> rank = number(lookup(family.rank));
    const std::optional<int> size = number(lookup(family.size));
    if (!rank || !size || *size < 1 || *rank < 0 || *rank >= *size || lookup(family.required).empty()) continue;
    return Launch{family.launcher, *rank, *size, number(lookup(family.local_rank)).value_or(0)};
  }
  return std::nullopt;
}

std::optional<Launch> discover_launch() {
  return discover_launch([](const char* name) { return environment::get(name); });
}

std::unique_ptr<World> connect_world(std::shared_ptr<MemoryPool> pool, const CommunicationOptions& options) {
  const std::optional<Launch> launch = discover_launch();
  if (!launch || launch->size == 1) return connect_self_world();
  log::set_rank(launch->rank, launch->size);
  return connect_mpi_world(*launch, std::move(pool), options);
}

}  // namespace kumiko
