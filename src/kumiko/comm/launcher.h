// Who started this process, read from the environment before any network library is touched.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace kumiko {

struct Launch {
  std::string launcher;  // "Open MPI", "Hydra (MPICH, Intel MPI)", "PALS", "Fujitsu PLE", "Slurm"
  int rank = 0;
  int size = 1;
  int local_rank = 0;
};

// `lookup` gives an environment variable's value, "" if unset. Nothing: started by hand. All values are taken from one
// launcher's variables; Slurm's come last, since an allocation leaves them set under other launchers too, and count
// only within a step (srun), not in the batch script.
std::optional<Launch> discover_launch(const std::function<std::string(const char*)>& lookup);
std::optional<Launch> discover_launch();

}  // namespace kumiko
