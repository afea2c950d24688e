#include "kumiko/parallel/pipeline_plan.h"

#include <algorithm>
#include <numeric>

#include "kumiko/base/error.h"
#include "kumiko/model/memory.h"
#include "kumiko/schedule/simulate.h"

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

// Of one micro-batch at each stage; the head does all of its work in the forward. Memory in what a rank of `num_ranks`
// holds in the mean.
ScheduleCosts costs_of_stages(const std::vector<double>& costs, std::span<const StageUnits> stages, int64_t num_ranks,
                              double after_backward) {
  const auto last = static_cast<int32_t>(costs.size()) - 1;
  const double blocks_a_rank = static_cast<double>(last - 1) / static_cast<double>(num_ranks);
  ScheduleCosts result;
  for (const StageUnits& stage : stages) {
    const bool head = stage.end > last;
    const auto blocks = std::accumulate(costs.begin() + stage.begin, costs.begin() + (head ? last : stage.end), 0.0);
    result.times.push_back({blocks + (head ? 3 * costs.back() : 0), blocks, blocks});
    const int num_blocks = stage.count() - (stage.begin == 0 ? 1 : 0) - (head ? 1 : 0);
    const double held = num_blocks / blocks_a_rank;
    result.memory.push_back({held, held * after_backward});
  }
  return result;
}

// What a block's weight work holds, as a share of what its F left.
double share_after_backward(const ModelOptions& model, int64_t seq_length) {
  StepMemoryShape shape;
  shape.seq_length = seq_length;
  const StageStepMemory block = stage_step_memory(model, shape, {1, 2});
  return static_cast<double>(block.held_after_backward) / static_cast<double>(block.held);
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

bool fits_itself(const ScheduleGenerator& generator) {
  return generator.make == make_zb_1p || generator.make == make_zb_2p || generator.make == make_searched;
}

// For the times of the stages that the model is cut into. A search tries one to four stages a rank, as far as there are
// units, and placements that replicate none; fills in `request`.
Schedule fitted(const ScheduleGenerator& generator, ScheduleRequest& request, const std::vector<double>& costs,
                double after_backward) {
  const bool searches = generator.make == make_searched;
  if (searches) request.pipeline_pairs = 0;
  const int most = searches ? std::min(4, static_cast<int>(costs.size()) / request.num_ranks) : 1;
  Schedule best;
  ScheduleRequest best_request = request;
  double best_cost = 0;
  for (int chunks = 1; chunks <= std::max(1, most); ++chunks) {
    const std::vector<StageUnits> stages = balance_units(costs, request.num_ranks * chunks);
    request.chunks = chunks;
    request.stage_costs = costs_of_stages(costs, stages, request.num_ranks, after_backward);
    Schedule schedule = generator.make(request);
    const double cost = simulate(schedule, request.stage_costs).cost;
    if (chunks > 1 && cost >= best_cost) continue;
    best = std::move(schedule);
    best_request = request;
    best_cost = cost;
  }
  request = best_request;
  return best;
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
  PipelinePlan plan;
  plan.schedule = fits_itself(generator) ? fitted(generator, request, costs, share_after_backward(model, seq_length))
                                         : generator.make(request);
  const int64_t per_update = plan.schedule.micro_batches_per_update;
  if (per_update != 0 && per_update != num_micro_batches) {
    throw_user(
        "parallel.pipeline_schedule = {} updates the weights after each {} micro-batches: expected a "
        "train.global_batch_size of so many on each data-parallel rank, not of {}",
        options.schedule, per_update, num_micro_batches);
  }
  plan.request = std::move(request);
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
