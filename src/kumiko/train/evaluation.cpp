#include "kumiko/train/evaluation.h"

#include <algorithm>
#include <numeric>

#include "kumiko/parallel/exact_reduce.h"

namespace kumiko {

std::optional<double> evaluate(Run& run, RegionTimer& timer, const std::function<bool()>& stopped) {
  const PhaseSpan phase(timer, Phase::evaluation);
  const StepContext context = run.context(&timer);
  std::vector<double> losses;
  int64_t tokens = 0;
  for (int64_t batch = 0; batch < run.config.train.eval_iters; ++batch) {
    if (stopped()) return std::nullopt;
    const auto micro_batches = load_micro_batches(*run.valid_samples, run.layout, batch, run.documents, *run.pool);
    for (const MicroBatch& micro_batch : micro_batches) tokens += num_loss_tokens(micro_batch);
    WeightGatherer weights(run.data.axis(), *run.state.storage, run.state.model, context);
    const std::vector<double> more = evaluate_loss(run.state.model, context, micro_batches, weights);
    losses.insert(losses.end(), more.begin(), more.end());
  }
  const Tensor total = Tensor::empty(*run.pool, {2}, DType::f64, MemoryPurpose::communication);
  total.data<double>()[0] = std::accumulate(losses.begin(), losses.end(), 0.0);
  total.data<double>()[1] = static_cast<double>(tokens);
  run.data.ranks->all_reduce(total, ReduceOp::sum, "validation loss").wait();
  Communicator* const stages = run.pipeline ? run.pipeline->ranks.get() : nullptr;
  if (stages != nullptr) {
    if (stages->rank() > 0) total.data<double>()[1] = 0;  // all of them have read the same tokens
    stages->all_reduce(total, ReduceOp::sum, "validation loss").wait();
  }
  const double all_tokens = std::max(1.0, total.data<double>()[1]);
  if (!context.reproducible) return total.data<double>()[0] / all_tokens;
  return sum_exactly(losses, {run.data.ranks.get(), stages}, "validation loss", *run.pool) / all_tokens;
}

}  // namespace kumiko
