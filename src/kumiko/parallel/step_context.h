// What the passes of one training step share.
#pragma once

#include "kumiko/base/regions.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/kernels/kernels.h"
#include "kumiko/model/pass.h"

namespace kumiko {

struct ActionRecord;  // action_record.h
struct Pipeline;      // pipeline.h
struct StageTimes;    // schedule/costs.h

struct StepContext {
  Kernels& kernels;
  MemoryPool& pool;
  RegionTimer* timer = nullptr;
  DType dtype = DType::f32;
  uint64_t seed = 0;
  int64_t step = 0;
  double loss_scale = 1;
  RecomputeOptions recompute{};
  Communicator* tensor = nullptr;  // the tensor axis; none if each rank has the whole model
  TensorExchange exchange{};
  const Pipeline* pipeline = nullptr;  // none if each rank has all stages
  // Where a pipeline's executor writes of each action what it saw; or none.
  std::vector<ActionRecord>* action_records = nullptr;
  // Each action of a pipeline is made to last at least so long, in seconds: for measurements of schedules; or none.
  const StageTimes* emulated_times = nullptr;
  bool reproducible = false;  // sums are taken in an order that no layout changes (model/canonical.h)
};

}  // namespace kumiko
