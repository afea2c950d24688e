#include "kumiko/parallel/pipeline_plan.h"

#include <numeric>

#include "kumiko/base/error.h"

namespace kumiko {

// 12 H^2 and more of a block, S H of its causal attention, V H of the head.
std::vector<double> unit_costs(const ModelOptions& model, int64_t seq_length) {
  const auto hidden = static_cast<double>(model.hidden_size);
  const auto queries = static_cast<double>(model.num_attention_heads * model.head_size());
  const auto keys = static_cast<double>(model.num_kv_heads() * model.head_size());
  const int num_products = model.architecture == Architecture::llama ? 3 : 2;
  const double wide = num_products * static_cast<double>(model.feed_forward_size());
  const double block = hidden * (2 * queries + 2 * keys + wide) + static_cast<double>(seq_length) * queries;
  std::vector<double> costs(static_cast<size_t>(num_model_units(model)), block);
  costs.front() = 0;
  costs.back() = hidden * static_cast<double>(model.vocab_size);
  return costs;
}

namespace {

// As one micro-batch on one rank, in the mean. The head does all of its work in the forward.
StageTimes times_of(const std::vector<double>& costs, int64_t num_ranks) {
  const auto ranks = static_cast<double>(num_ranks);
  const double blocks = std::accumulate(costs.begin(), costs.end() - 1, 0.0) / ranks;
  return {blocks + 3 * costs.back() / ranks, blocks, blocks};
}

int64_t chunks_of(const PipelineOptions& options, const ScheduleGenerator& generator) {
  const bool open = generator.name == "interleaved";
  if (!open && options.chunks > 1) {
    throw_user(
        "parallel.virtual_pipeline_model_parallel_size = {} with parallel.pipeline_schedule = {}: expected 0, as only "
        "interleaved leaves the stages of a rank open",
        options.chunks, options.schedule);
  }
  return options.chunks > 0 ? options.chunks : open ? 2 : 1;
}

}  // namespace

PipelinePlan plan_stream(const ModelOptions& model, int64_t seq_length, const PipelineOptions& options,
                         int64_t num_micro_batches, int64_t num_updates) {
  const ScheduleGenerator& generator = find_schedule(options.schedule);
  const std::vector<double> costs = unit_costs(model, seq_length);
  ScheduleRequest request;
  request.num_ranks = static_cast<int>(options.size);
  request.num_micro_batches = static_cast<int>(num_micro_batches * num_updates);
  request.micro_batches_per_update = static_cast<int>(num_micro_batches);
  request.chunks = static_cast<int>(chunks_of(options, generator));
  request.pipeline_pairs = static_cast<int>(options.pairs);
  request.memory_limit = options.memory_limit;
  request.times = times_of(costs, options.size);
  PipelinePlan plan;
  plan.schedule = generator.make(request);
  plan.request = std::move(request);
  const int64_t per_update = plan.schedule.micro_batches_per_update;
  if (per_update != 0 && per_update != num_micro_batches) {
    throw_user(
        "parallel.pipeline_schedule = {} updates the weights after each {} micro-batches: expected a "
        "train.global_batch_size of so many on each data-parallel rank, not of {}",
        options.schedule, per_update, num_micro_batches);
  }
  plan.facts = verify(plan.schedule);
  plan.units = balance_units(costs, plan.schedule.num_stages());
  return plan;
}

PipelinePlan plan_pipeline(const ModelOptions& model, int64_t seq_length, const PipelineOptions& options,
                           int64_t num_micro_batches) {
  return plan_stream(model, seq_length, options, num_micro_batches, 1);
}

PipelinePart PipelinePlan::part(int64_t coordinate) const {
  PipelinePart part;
  const StagePlacement& placement = schedule.placement;
  for (const int stage : placement.stages_of(static_cast<int>(coordinate))) {
    const StageUnits held = units[static_cast<size_t>(stage)];
    part.stages.push_back({stage, {held.begin, held.end}, placement.rank_of(0, stage) == coordinate});
  }
  return part;
}

}  // namespace kumiko
