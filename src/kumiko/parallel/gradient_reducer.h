// The gradients of each unit are summed over the data axis as soon as they are ready, behind the backward of the units
// before it: whole, or each rank's shard of them (ZeRO). What ranks of the tensor axis share is summed among them
// first.
//
// Where whole gradients are kept, they are added up over the micro-batches here and summed over ranks once a step.
// Where they are divided no rank has room for that: a unit's gradient is made, summed and forgotten for each
// micro-batch, and only shards are added up (docs/parallelism/zero.md).
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "kumiko/parallel/data_axis.h"
#include "kumiko/parallel/parameter_storage.h"
#include "kumiko/parallel/step_context.h"
#include "kumiko/parallel/tree_sum.h"

namespace kumiko {

class GradientReducer {
 public:
  // For one step, in which each unit is ready so many times. All must outlive it.
  GradientReducer(const DataAxis& data, const ParameterStorage& storage, const StepContext& step,
                  std::vector<int64_t> contributions);

  // A visit is about to add to the unit's gradient. The first time in a micro-batch, zeros are put there if it has no
  // memory of its own. `may_overlap`: a sum in flight may keep its memory meanwhile.
  void open(int unit, bool may_overlap);
  // The unit's gradient of the present micro-batch is complete on this rank; every rank says so in the same order.
  void unit_ready(int unit);
  // Blocks until the shards hold the sums of all micro-batches over all ranks.
  void wait();

 private:
  // What is in flight, in order, keeps its memory until its turn to leave, so that what is held does not depend on
  // timing. A sum goes on to a stage only after all before it have: so every rank enqueues in the same order.
  enum class Stage : uint8_t { complete, shared, ranks, groups, done };
  struct Sum {
    int unit = 0;
    int64_t micro_batch = 0;
    Tensor gradient;  // of the whole unit
    Tensor shared;    // of it, what the tensor axis sums; or none
    Tensor result;    // summed over ranks
    Stage stage = Stage::complete;
    Event event{};
  };

  bool last(const Sum& sum) const { return sum.micro_batch + 1 == contributions_[static_cast<size_t>(sum.unit)]; }
  // Whether a unit's gradient is summed over ranks for each micro-batch.
  bool sums_each() const;
  Tensor place_of_result(const Sum& sum) const;
  void next(Sum& sum);
  void advance();
  void complete_front();
  void sum_over_ranks(Sum& sum);
  void add_up(Sum& sum);

  DataAxis data_;
  const ParameterStorage& storage_;
  const StepContext& step_;
  std::vector<int64_t> contributions_;
  std::vector<int64_t> micro_batch_;  // of each unit: complete ones
  std::map<int, Tensor> open_;        // memory that is there for the present micro-batch only
  std::map<int, TreeSum> trees_;
  std::deque<Sum> in_flight_;
};

}  // namespace kumiko
