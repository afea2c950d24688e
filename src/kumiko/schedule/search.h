// A search for the shortest schedule under a limit of memory: no worse than any published one that keeps to it.
#pragma once

#include "kumiko/schedule/generators.h"

namespace kumiko {

struct SearchResult {
  Schedule schedule;
  double cost = 0;
  // No schedule on any of the placements that were looked at costs less.
  double lower_bound = 0;
  // Of the shortest published schedule within the limit; 0: there is none.
  double best_published = 0;

  double gap() const { return cost / lower_bound - 1; }  // the most by which the cost may be above the best
};

// `memory_limit` of the request, 0: p. From the published schedules of the request (all synchronous ones; interleaved
// with the request's chunks and up to four) and what the list scheduler makes of their order for the request's costs,
// the best are improved in small steps. The same request gives the same schedule. With costs of each stage, the
// placements are those with as many stages. Chimera's, whose ranks hold each the weights of several stages, are left
// out where pipeline_pairs = 0. User error for a limit of less than one micro-batch.
SearchResult search_schedule(const ScheduleRequest& request);

}  // namespace kumiko
