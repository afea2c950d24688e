// What this machine can do at most: the rates against which model FLOPs utilisation and rooflines are counted.
#pragma once

#include <filesystem>
#include <string>

namespace kumiko {

struct MachineCeilings {
  std::string cpu;  // "AMD EPYC family 25 model 1"
  std::string host;
  int threads = 1;
  double fma_f32 = 0;       // flop/s, a multiplication and an addition each, f32, all threads
  double fma_f32_mean = 0;  // the same on average over a third of a second: what a shared or hot machine gives
  double fma_bf16 = 0;      // of the CPU's own bf16 instructions; fma_f32 if it has none
  double copy = 0;          // bytes/s read plus written, from arrays much larger than the caches
  double triad = 0;         // bytes/s, a = b + s c: two reads and a write
};

// Measures in less than half a second: the best of a few short runs, since other load can only slow them down.
MachineCeilings measure_ceilings(int threads);

// The best rates seen so far on this host and CPU with as many threads: from KUMIKO_CACHE_DIR, measured now if there
// are none. A cache that cannot be read or written is measured past.
MachineCeilings cached_ceilings(int threads);

// Where cached_ceilings keeps them.
std::filesystem::path ceilings_path(int threads);
// Writes them there; environment error if it cannot.
void store_ceilings(const MachineCeilings& ceilings);

// The cores that this process may run on.
int num_available_cores();

// The CPU's and the host's name as the system gives them.
std::string cpu_name();
std::string host_name();

}  // namespace kumiko
