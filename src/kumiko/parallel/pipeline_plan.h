// Which schedule a pipeline runs, and which units of the model each of its stages has: decided once, before anything
// starts, by every rank alike and without communication.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kumiko/model/options.h"
#include "kumiko/model/pipeline_part.h"
#include "kumiko/schedule/balance.h"
#include "kumiko/schedule/generators.h"
#include "kumiko/schedule/verify.h"

namespace kumiko {

struct PipelineOptions {
  int64_t size = 1;               // ranks of the pipeline axis, p
  std::string schedule = "1f1b";  // `kumiko schedule list`
  int64_t chunks = 0;             // stages a rank, where the schedule leaves that open; 0: 2
  int64_t pairs = 1;              // of Chimera: pipelines in each direction
  int64_t stream_steps = 16;      // of an asynchronous schedule: steps in one stream, before the pipeline runs empty
  std::string times{};            // file of measured times of the stages, for schedules that fit themselves; or empty
  std::optional<StageTimes> rank_times{};  // the same of one micro-batch on every rank, for benchmarks
  double memory_limit = 0;  // micro-batches whose activations a rank may hold; 0: what the schedule is for
};

struct PipelinePlan {
  ScheduleRequest request;  // that the schedule was made for
  Schedule schedule;
  ScheduleFacts facts;
  std::vector<StageUnits> units;  // of each stage

  // What the rank at `coordinate` of the axis holds.
  PipelinePart part(int64_t coordinate) const;
};

// Verified. Stages are balanced by the products of a micro-batch of `seq_length`, and schedules that fit themselves to
// times are given those that the products of each stage suggest, or
// that a file has measured. User error if the schedule is unknown, not defined for so many ranks and micro-batches, or
// if the model has fewer units than stages.
PipelinePlan plan_pipeline(const ModelOptions& model, int64_t seq_length, const PipelineOptions& options,
                           int64_t num_micro_batches);
// Of an asynchronous schedule, that many updates in one stream without a flush; `num_micro_batches` make one update.
// User error if the schedule makes updates of another number.
PipelinePlan plan_stream(const ModelOptions& model, int64_t seq_length, const PipelineOptions& options,
                         int64_t num_micro_batches, int64_t num_updates);

// What each unit of the model costs for one token, in multiply-adds of a forward.
std::vector<double> unit_costs(const ModelOptions& model, int64_t seq_length);

}  // namespace kumiko
