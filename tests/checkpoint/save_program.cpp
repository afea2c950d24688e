// Saves one checkpoint of the sample, to be killed: checkpoint_save ROOT RANKS STEP SEED KEEP_LAST BEHIND, the ranks
// being threads; BEHIND 1 writes behind them. Ends as `kumiko` does, with the exit code of the error.
#include <cstdio>
#include <cstdlib>

#include "checkpoint/sample.h"
#include "kumiko/base/error.h"

int main(int argc, char** argv) {
  if (argc != 7) return 1;
  try {
    kumiko::CheckpointOptions options;
    options.directory = argv[1];
    options.keep_last = std::atoi(argv[5]);
    const auto save = std::atoi(argv[6]) == 1 ? kumiko::sample::save_behind : kumiko::sample::save;
    save(options, std::atoi(argv[2]), kumiko::sample::Layout::mixed, std::atoi(argv[3]), std::atoi(argv[4]),
         kumiko::sample::Size::large);
  } catch (const kumiko::Error& error) {
    std::fprintf(stderr, "%s%s\n", kumiko::error_prefix(error.kind()), error.what());
    return kumiko::exit_code(error.kind());
  }
  return 0;
}
