#include "kumiko/parallel/gradient_reducer.h"

#include <algorithm>
#include <utility>

#include "kumiko/parallel/shared_gradients.h"

namespace kumiko {

GradientReducer::GradientReducer(const DataAxis& data, const ParameterStorage& storage, const StepContext& step,
                                 std::vector<int64_t> contributions)
    : data_(data),
      storage_(storage),
      step_(step),
      contributions_(std::move(contributions)),
      micro_batch_(contributions_.size()) {
  if (!sums_each()) fill_zero(storage.kept_gradients());
  for (size_t unit = 0; unit < contributions_.size(); ++unit) {
    if (sums_each() && contributions_[unit] == 0) fill_zero(storage.gradient_shard(static_cast<int>(unit)));
  }
}

bool GradientReducer::sums_each() const {
  return storage_.sharding().divides_gradients() ||
         (step_.reproducible && *std::max_element(contributions_.begin(), contributions_.end()) > 1);
}

void GradientReducer::open(int unit, bool may_overlap) {
  if (!sums_each() || open_.contains(unit)) return;
  while (in_flight_.size() > (may_overlap ? 1 : 0)) complete_front();
  const Tensor gradient = storage_.make_whole(unit, MemoryPurpose::gradients);
  fill_zero(gradient);
  storage_.parameters().place_gradients(unit, gradient);
  open_[unit] = gradient;
}

void GradientReducer::unit_ready(int unit) {
  Sum sum{unit, micro_batch_[static_cast<size_t>(unit)]++, {}, {}, {}};
  if (sums_each()) {
    sum.gradient = open_.extract(unit).mapped();
    storage_.parameters().place_gradients(unit, {});
  } else if (last(sum)) {
    sum.gradient = storage_.gradients(unit);
  } else {
    return;
  }
  sum.result = place_of_result(sum);
  in_flight_.push_back(std::move(sum));
  advance();
}

// Where the sum over ranks goes: into the shard at once where nothing is to be added to it.
Tensor GradientReducer::place_of_result(const Sum& sum) const {
  if (!storage_.sharding().divides_optimizer()) return sum.gradient;
  const Tensor& shard = storage_.gradient_shard(sum.unit);
  if (!sums_each() || (sum.micro_batch == 0 && !step_.reproducible)) return shard;
  return Tensor::empty(step_.pool, shard.shape(), shard.dtype(), MemoryPurpose::gradients);
}

void GradientReducer::wait() {
  while (!in_flight_.empty()) complete_front();
  if (!sums_each()) return;
  for (int unit = 0; unit < storage_.parameters().num_units(); ++unit) {
    storage_.parameters().place_gradients(unit, storage_.gradients(unit));
  }
}

void GradientReducer::advance() {
  Stage limit = Stage::done;
  for (Sum& sum : in_flight_) {
    while (sum.stage < limit && sum.event.done()) next(sum);
    limit = sum.stage;
  }
}

void GradientReducer::complete_front() {
  const Span span(step_.timer, Region::gradient_all_reduce);
  Sum& front = in_flight_.front();
  while (front.stage != Stage::done) {
    front.event.wait();
    next(front);
  }
  in_flight_.pop_front();
  advance();
}

// The event of the stage that a sum is at has completed: starts what comes after it.
void GradientReducer::next(Sum& sum) {
  switch (sum.stage) {
    case Stage::complete:
      if (step_.tensor != nullptr) {
        sum.shared = take_shared(storage_.parameters(), sum.unit, sum.gradient, step_.pool);
        if (sum.shared) sum.event = step_.tensor->all_reduce(sum.shared, ReduceOp::sum, "shared gradients");
      }
      sum.stage = Stage::shared;
      return;
    case Stage::shared:
      if (sum.shared) put_shared(storage_.parameters(), sum.unit, std::exchange(sum.shared, {}), sum.gradient);
      sum_over_ranks(sum);
      sum.stage = Stage::ranks;
      return;
    case Stage::ranks:
      // In the reproducible order ranks come before micro-batches; otherwise the groups are asked once a step.
      if (!step_.reproducible) add_up(sum);
      if (data_.groups != nullptr && (step_.reproducible || last(sum))) {
        const Tensor& summed = step_.reproducible ? sum.result : storage_.gradient_shard(sum.unit);
        sum.event = data_.groups->all_reduce(summed, ReduceOp::sum, "gradients between groups");
      }
      sum.stage = Stage::groups;
      return;
    case Stage::groups:
      if (step_.reproducible) add_up(sum);
      sum.stage = Stage::done;
      return;
    case Stage::done:
      break;
  }
}

void GradientReducer::sum_over_ranks(Sum& sum) {
  if (!storage_.sharding().divides_optimizer()) {
    if (data_.gradients.size() > 1) {
      sum.event = data_.gradients.all_reduce(sum.gradient, ReduceOp::sum, "gradients");
    }
    return;
  }
  sum.event = data_.gradients.reduce_scatter(sum.gradient, sum.result, ReduceOp::sum, "gradients");
}

// Of micro-batches, into the shard.
void GradientReducer::add_up(Sum& sum) {
  if (!sums_each()) return;
  const Tensor& shard = storage_.gradient_shard(sum.unit);
  if (!step_.reproducible) {
    if (sum.result.raw() != shard.raw()) step_.kernels.add(sum.result, shard);
  } else {
    TreeSum& tree = trees_[sum.unit];
    tree.add(step_.kernels, sum.result);
    if (last(sum)) copy(tree.finish(step_.kernels), shard);
  }
}

}  // namespace kumiko
