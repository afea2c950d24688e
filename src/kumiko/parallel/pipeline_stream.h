// Carries an asynchronous schedule out: micro-batches of many steps in one stream without a flush. A stage's weights
// are updated as soon as its backward of a step is complete, and each action reads the version that the schedule says.
#pragma once

#include <functional>
#include <vector>

#include "kumiko/parallel/data_axis.h"
#include "kumiko/parallel/micro_batch.h"
#include "kumiko/parallel/parameter_storage.h"
#include "kumiko/parallel/pipeline.h"

namespace kumiko {

// What is the step's own: the micro-batches of step i of the stream are those of the schedule's update i.
struct StreamStep {
  int64_t step = 0;
  double loss_scale = 1;
};

// `update(i)` is called when the gradients of step i are complete on this rank, summed over the data axis; it changes
// the weights of the storage. One stage a rank, weights and gradients whole. Returns the sum of the losses of each
// micro-batch's tokens, 0 where another rank has the head.
std::vector<double> run_stream(Model& model, ParameterStorage& storage, StepContext step, const Pipeline& pipeline,
                               const std::vector<MicroBatch>& micro_batches, const std::vector<StreamStep>& steps,
                               const DataAxis& data, const std::function<void(size_t step)>& update);

}  // namespace kumiko
