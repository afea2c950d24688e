#include "kumiko/train/step_parts.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>
#include <string>

#include "kumiko/base/log.h"
#include "kumiko/comm/agreement.h"
#include "kumiko/parallel/pipeline.h"

namespace kumiko {

std::vector<double> sum_over_ranks(Communicator& ranks, MemoryPool& pool, std::vector<double> values,
                                   std::string_view purpose) {
  const auto count = static_cast<int64_t>(values.size());
  const Tensor tensor = Tensor::empty(pool, {count}, DType::f64, MemoryPurpose::communication);
  std::copy(values.begin(), values.end(), tensor.data<double>());
  ranks.all_reduce(tensor, ReduceOp::sum, purpose).wait();
  std::copy_n(tensor.data<double>(), count, values.begin());
  return values;
}

double loss_tokens(const StepContext& context, const std::vector<MicroBatch>& micro_batches, Communicator& data,
                   const StepSettings& settings) {
  if (!settings.loss_mask) return static_cast<double>(settings.tokens_per_step);
  const Span span(context.timer, Region::gradient_all_reduce);
  int64_t count = 0;
  for (const MicroBatch& micro_batch : micro_batches) count += num_loss_tokens(micro_batch);
  return std::max(1.0, sum_over_ranks(data, context.pool, {static_cast<double>(count)})[0]);
}

namespace {

// Adds the lines of all ranks to `lines`.
void gather_lines(Communicator& ranks, std::set<std::string>& lines) {
  std::string own;
  for (const std::string& line : lines) own += line + "\n";
  for (const std::string& text : gather_text(ranks, own)) {
    std::istringstream all(text);
    for (std::string line; std::getline(all, line);) lines.insert(line);
  }
}

// The logical tensors whose gradient holds NaN or Inf on any rank that holds a part of it, the first few by name.
// Collective.
std::string name_bad_gradients(const StepContext& context, const DataAxis& data, const ParameterStorage& storage,
                               bool finite_gradient) {
  constexpr size_t most_names = 4;
  std::set<std::string> names;
  for (const OwnedFragment& owned : storage.owned()) {
    for (const PartRun& run : part_runs(storage.parameters(), owned.fragment)) {
      const Tensor gradient = owned.gradient.slice(run.in_fragment, run.count);
      if (!std::isfinite(context.kernels.sum_of_squares(gradient))) names.insert(run.part->name);
    }
  }
  if (storage.sharding().divides_optimizer()) gather_lines(data.gradients, names);
  if (context.tensor != nullptr) gather_lines(*context.tensor, names);
  if (context.pipeline != nullptr) gather_lines(*context.pipeline->ranks, names);
  if (names.empty()) return finite_gradient ? "the loss alone" : "no gradient";
  std::string text;
  size_t count = 0;
  for (const std::string& name : names) {
    if (count++ < most_names) text += (text.empty() ? "" : ", ") + name;
  }
  return count > most_names ? fmt::format("the gradients of {} and {} more", text, count - most_names)
                            : "the gradients of " + text;
}

void report_bad_values(const StepResult& result, int64_t step, BadValues policy, const std::string& where) {
  const std::string what = fmt::format("step {}: loss {}, gradient norm {}: NaN or Inf in {}", step + 1, result.loss,
                                       result.gradient_norm, where);
  if (policy == BadValues::stop) {
    throw BadValuesError(
        fmt::format("{}; the weights are those of step {}. Lower optimizer.lr, look at the data of this step, or set "
                    "train.on_bad_values = \"skip\" to go on without it",
                    what, step));
  }
  log::warning("{}; the step is skipped", what);
}

}  // namespace

void show_new_weights(TrainingState& state, const DataAxis& data, Kernels& kernels) {
  start_gathers(data, *state.storage);
  if (!state.storage->sharding().divides_optimizer()) state.model.prepare(kernels);
}

void update_weights(TrainingState& state, const StepContext& context, const DataAxis& data,
                    const StepSettings& settings, StepResult& result) {
  const bool finite_loss = std::isfinite(result.loss);
  const bool finite_gradient = std::isfinite(result.gradient_norm);
  result.skipped = !finite_loss || !finite_gradient;
  result.overflow = finite_loss && !finite_gradient && state.loss_scale.can_fall();
  if (result.skipped && !result.overflow) {
    report_bad_values(result, state.step, settings.on_bad_values,
                      name_bad_gradients(context, data, *state.storage, finite_gradient));
  } else if (!result.skipped) {
    const double clip = clip_coefficient(result.gradient_norm, settings.optimizer.clip_grad);
    state.optimizer->update(context.kernels, ++state.updates, result.lr, clip / result.loss_scale);
    show_new_weights(state, data, context.kernels);
  }
  if (finite_loss) state.loss_scale.update(!finite_gradient);
}

}  // namespace kumiko
