// Every environment variable that the program reads, and nothing else reads the environment.
#pragma once

#include <cstdlib>
#include <string>

namespace kumiko::environment {

// KUMIKO_LOG=debug|info|warning|error: the least serious line that is written. Default info.
inline constexpr const char* log_level = "KUMIKO_LOG";

// KUMIKO_CACHE_DIR: where measured machine ceilings are kept. Default $XDG_CACHE_HOME/kumiko or ~/.cache/kumiko.
inline constexpr const char* cache_directory = "KUMIKO_CACHE_DIR";

// KUMIKO_FAULT=write|sync|rename|append, :N and :kill, :no_space or :full (tests only): the N-th such file operation,
// counted from 1, dies or finds the disk full, and with :full all later ones do too. See base/fault.h.
inline constexpr const char* fault = "KUMIKO_FAULT";

// OMPI_COMM_WORLD_RANK: set by Open MPI's launcher, which puts a pseudo-terminal before our output. See
// train/terminal.h.
inline constexpr const char* open_mpi_rank = "OMPI_COMM_WORLD_RANK";

// OMP_NUM_THREADS: threads a rank computes with, where parallel.num_threads is 0. See mesh/thread_count.h.
inline constexpr const char* num_threads = "OMP_NUM_THREADS";

// NO_COLOR, TERM, COLUMNS, LC_ALL, LC_CTYPE, LANG, HOME, XDG_CACHE_HOME have their usual meaning.

// The variable's value, or `fallback` where it is unset or empty.
inline std::string get(const char* name, const std::string& fallback = "") {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

}  // namespace kumiko::environment
