#include "kumiko/schedule/generators.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

constexpr std::array generators = {
    ScheduleGenerator{"gpipe", "all F, then all B (Huang et al. 2019)", BackwardKind::whole, true, make_gpipe},
    ScheduleGenerator{"1f1b", "one F, one B: PipeDream-Flush, DAPPLE (Narayanan et al. 2021)", BackwardKind::whole,
                      true, make_one_forward_one_backward},
    ScheduleGenerator{"interleaved", "1F1B with several stages a rank (Narayanan et al. 2021, SC)", BackwardKind::whole,
                      true, make_interleaved},
    ScheduleGenerator{"pipedream", "an update after each micro-batch, weights stashed (Harlap et al. 2018)",
                      BackwardKind::whole, false, make_pipedream},
    ScheduleGenerator{"pipedream-vertical-sync", "PipeDream with one version of weights at all stages",
                      BackwardKind::whole, false, make_pipedream_vertical_sync},
    ScheduleGenerator{"pipedream-2bw", "an update each few micro-batches, two versions (Narayanan et al. 2021, ICML)",
                      BackwardKind::whole, false, make_pipedream_2bw},
    ScheduleGenerator{"chimera", "two directions at once (Li and Hoefler 2021)", BackwardKind::whole, true,
                      make_chimera},
    ScheduleGenerator{"chimera-doubling", "chimera with F of two micro-batches at once", BackwardKind::whole, true,
                      make_chimera_doubling},
    ScheduleGenerator{"chimera-halving", "chimera with BW of half a micro-batch", BackwardKind::whole, true,
                      make_chimera_halving},
    ScheduleGenerator{"zb-h1", "W put off: less bubble at the memory of 1F1B (Qi et al. 2023)", BackwardKind::split,
                      true, make_zb_h1},
    ScheduleGenerator{"zb-h2", "W put off twice as long: no bubble at twice the memory (Qi et al. 2023)",
                      BackwardKind::split, true, make_zb_h2},
    ScheduleGenerator{"zb-1p", "fitted to times, memory of 1F1B (Qi et al. 2023)", BackwardKind::split, true,
                      make_zb_1p},
    ScheduleGenerator{"zb-2p", "fitted to times, twice the memory of 1F1B (Qi et al. 2023)", BackwardKind::split, true,
                      make_zb_2p},
    ScheduleGenerator{"zb-v", "two stages a rank in a V, memory of 1F1B (Qi et al. 2024)", BackwardKind::split, true,
                      make_zb_v},
    ScheduleGenerator{"v-half", "in a V, half the activations of 1F1B (Qi et al. 2024)", BackwardKind::split, true,
                      make_v_half},
    ScheduleGenerator{"v-min", "in a V, a third of the activations of 1F1B (Qi et al. 2024)", BackwardKind::split, true,
                      make_v_min},
    ScheduleGenerator{"searched", "the shortest found for the given times and memory, from all of these",
                      BackwardKind::split, true, make_searched},
};

struct Alias {
  std::string_view alias;
  std::string_view name;
};

constexpr std::array aliases = {
    Alias{"interleaved-1f1b", "interleaved"},
    Alias{"1f1b-interleaved", "interleaved"},
    Alias{"1f1b-i", "interleaved"},
    Alias{"2bw", "pipedream-2bw"},
    Alias{"zbv", "zb-v"},
    Alias{"search", "searched"},
};

// "ZB_H1" and "zb-h1" are one name.
std::string plain(std::string_view name) {
  std::string text(name);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return c == '_' ? '-' : std::tolower(c); });
  return text;
}

std::string all_names() {
  std::string names;
  for (const ScheduleGenerator& generator : generators)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", generator.name);
  return names;
}

}  // namespace

std::span<const ScheduleGenerator> schedule_generators() { return generators; }

const ScheduleGenerator& find_schedule(std::string_view name, std::string_view option) {
  std::string wanted = plain(name);
  for (const Alias& alias : aliases) {
    if (alias.alias == wanted) wanted = alias.name;
  }
  const auto found = std::find_if(generators.begin(), generators.end(),
                                  [&](const ScheduleGenerator& generator) { return generator.name == wanted; });
  if (found == generators.end()) throw_user("{} = {}: expected one of {}", option, name, all_names());
  return *found;
}

RequestParts parts_taken_by(const ScheduleGenerator& generator) {
  const std::string_view name = generator.name;
  RequestParts parts;
  parts.chunks = name == "interleaved";
  parts.pipeline_pairs = name.starts_with("chimera");
  parts.micro_batches_per_update = name == "pipedream-2bw";
  parts.memory_limit = name == "zb-1p" || name == "zb-2p" || name == "searched";
  return parts;
}

ScheduleCosts costs_of(const ScheduleRequest& request, int num_stages) {
  const ScheduleCosts& costs = request.stage_costs;
  if (costs.times.empty())
    return uniform_costs(num_stages, num_stages / request.num_ranks, request.times, request.transfer, request.memory);
  if (costs.times.size() != static_cast<size_t>(num_stages) || costs.memory.size() != static_cast<size_t>(num_stages))
    throw_user("costs of {} stages: the schedule has {} stages; give the costs of each", costs.times.size(),
               num_stages);
  return costs;
}

}  // namespace kumiko
