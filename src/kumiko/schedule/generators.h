// All schedules by name. Each is one file in generators/.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/schedule/costs.h"
#include "kumiko/schedule/schedule.h"

namespace kumiko {

struct ScheduleRequest {
  int num_ranks = 1;          // p
  int num_micro_batches = 1;  // m
  int chunks = 1;             // stages a rank, where a schedule leaves that open
  int pipeline_pairs = 1;     // of Chimera: pipelines in each direction, f
  // Of one micro-batch on one rank, in all of its stages: for schedules that fit themselves to it.
  StageTimes times{};
  StageMemory memory{};
  double transfer = 0;               // T_c
  int micro_batches_per_update = 0;  // of PipeDream-2BW; 0: p
  // Of each stage, where they are not alike; replaces the three above. Empty: uniform_costs.
  ScheduleCosts stage_costs{};
  // Memory of each rank, in micro-batches through all of its stages whose activations it may hold; between its B and
  // its W a micro-batch takes its share `after_backward` of one. 0: what the schedule is published with.
  double memory_limit = 0;
};
// The costs that a request stands for, for a schedule with so many stages.
ScheduleCosts costs_of(const ScheduleRequest& request, int num_stages);

enum class BackwardKind : uint8_t { whole, split };

struct ScheduleGenerator {
  std::string_view name;  // "1f1b"
  std::string_view help;  // one line, with the paper
  BackwardKind backward = BackwardKind::whole;
  bool synchronous = true;
  // User error where the request is one that the schedule is not defined for, with the nearest that are.
  Schedule (*make)(const ScheduleRequest& request) = nullptr;
};

std::span<const ScheduleGenerator> schedule_generators();
// By its name or one of its aliases, in either case of letters. User error naming all of them.
// `option` is what the error calls the name.
const ScheduleGenerator& find_schedule(std::string_view name, std::string_view option = "schedule");

// What a schedule takes of a request beside ranks, micro-batches and costs.
struct RequestParts {
  bool chunks = false;
  bool pipeline_pairs = false;
  bool micro_batches_per_update = false;
  bool memory_limit = false;
};
RequestParts parts_taken_by(const ScheduleGenerator& generator);

// The generators. p ranks, m micro-batches.
Schedule make_gpipe(const ScheduleRequest& request);
Schedule make_one_forward_one_backward(const ScheduleRequest& request);
Schedule make_interleaved(const ScheduleRequest& request);
Schedule make_pipedream(const ScheduleRequest& request);
Schedule make_pipedream_vertical_sync(const ScheduleRequest& request);
Schedule make_pipedream_2bw(const ScheduleRequest& request);
Schedule make_chimera(const ScheduleRequest& request);
Schedule make_chimera_doubling(const ScheduleRequest& request);
Schedule make_chimera_halving(const ScheduleRequest& request);
Schedule make_zb_h1(const ScheduleRequest& request);
Schedule make_zb_h2(const ScheduleRequest& request);
Schedule make_zb_1p(const ScheduleRequest& request);
Schedule make_zb_2p(const ScheduleRequest& request);
Schedule make_zb_v(const ScheduleRequest& request);
Schedule make_v_half(const ScheduleRequest& request);
Schedule make_v_min(const ScheduleRequest& request);
Schedule make_searched(const ScheduleRequest& request);

}  // namespace kumiko
