#include "kumiko/train/memory_limit.h"

#include <algorithm>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/optim/optimizer.h"
#include "kumiko/parallel/zero_formulas.h"

namespace kumiko {

double bytes_of_step(const Config& config, const BatchLayout& layout, const TensorParallel& part,
                     const Sharding& sharding) {
  const auto pipeline = static_cast<double>(config.parallel.pipeline.size);
  const auto tensor = static_cast<double>(part.size);
  const double weights = 4 * config.model.approximate_parameters() / tensor / pipeline;
  const auto share = [&](bool divided) { return divided ? 1 / static_cast<double>(sharding.size) : 1.0; };
  const double states = static_cast<double>(states_per_weight(config.optimizer));
  const double tokens = static_cast<double>(layout.micro_batch_size) * static_cast<double>(layout.seq_length);
  const double activations = tokens * static_cast<double>(config.model.hidden_size) *
                             static_cast<double>(size_of(dtype_of(config.train.precision))) /
                             (part.sequence_parallel ? tensor : 1);
  const double batch = 8 * tokens * static_cast<double>(layout.num_micro_batches());  // tokens and targets
  const double least = weights * (share(sharding.divides_weights()) + share(sharding.divides_gradients()) +
                                  states * share(sharding.divides_optimizer())) +
                       activations + batch;
  // A prediction costs time for each layer, and its whole numbers have limits: where the answer is clear, there is
  // none.
  const auto most = static_cast<double>(machine_memory().most());
  if (config.parallel.pipeline.size > 1 || least > most) return least;
  StepMemoryShape shape;
  shape.micro_batch_size = layout.micro_batch_size;
  shape.seq_length = layout.seq_length;
  shape.num_micro_batches = layout.num_micro_batches();
  shape.compute = dtype_of(config.train.precision);
  shape.recompute = config.train.recompute;
  shape.tensor_parallel = part;
  shape.optimizer_states = states_per_weight(config.optimizer);
  return std::max(least, static_cast<double>(sharded_step_memory(config.model, shape, sharding).peak));
}

void check_memory(double bytes, const World& world, const MachineMemory& memory, const std::string& advice) {
  const std::string& host = world.ranks()[static_cast<size_t>(world.rank())].host;
  const auto here = std::count_if(world.ranks().begin(), world.ranks().end(),
                                  [&](const RankInfo& info) { return info.host == host; });
  const double all = bytes * static_cast<double>(here);
  if (memory.physical == 0 || all <= static_cast<double>(memory.most())) return;
  throw_user("{} would be needed at least{}, but host {} has {} of memory and {} of swap{}: {}", human_bytes(all),
             here > 1 ? fmt::format(" by {} ranks, {} each", here, human_bytes(bytes)) : "", host,
             human_bytes(static_cast<double>(memory.physical)), human_bytes(static_cast<double>(memory.swap)),
             memory.limit < memory.physical ? fmt::format(", of which its control group may use {}",
                                                          human_bytes(static_cast<double>(memory.limit)))
                                            : "",
             advice);
}

void check_memory_of_step(const Config& config, const BatchLayout& layout, const TensorParallel& part,
                          const Sharding& sharding, const World& world) {
  check_memory(
      bytes_of_step(config, layout, part, sharding), world, machine_memory(),
      fmt::format("use a smaller model, train.micro_batch_size (now {}) or train.seq_length (now {}), more ranks on "
                  "more machines, train.recompute_granularity, or a higher parallel.zero_stage (now {})",
                  layout.micro_batch_size, layout.seq_length, config.parallel.zero_stage));
}

}  // namespace kumiko
