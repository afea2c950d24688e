#include "kumiko/cli/same_command.h"

#include <fmt/ranges.h>

#include <numeric>

#include "kumiko/train/rank_facts.h"

namespace kumiko {

void check_same_command(const CLI::App& command, World& world) {
  if (world.size() == 1) return;
  std::vector<Fact> facts = {program_fact()};
  for (const CLI::Option* option : command.get_options()) {
    facts.push_back({option->get_name(), fmt::format("{}", fmt::join(option->results(), " ")),
                     "Give every rank the same command line."});
  }
  facts.push_back({"the options of [sections]", fmt::format("{}", fmt::join(command.remaining(), " ")),
                   "Give every rank the same command line."});
  std::vector<int64_t> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  check_agreement(*world.communicator(Axis::all, ranks), facts, world.ranks());
}

}  // namespace kumiko
