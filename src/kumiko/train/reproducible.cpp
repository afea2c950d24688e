#include "kumiko/train/reproducible.h"

#include <bit>
#include <map>
#include <tuple>

#include "kumiko/base/error.h"
#include "kumiko/model/canonical.h"
#include "kumiko/schedule/dependencies.h"

namespace kumiko {

void check_reproducible(const Config& config, const Mesh& mesh) {
  const TrainOptions& train = config.train;
  if (train.precision != Precision::fp32) {
    throw_user(
        "train.precision = {} with train.reproducible = true: expected fp32, as partial sums would be rounded to 16 "
        "bits where ranks meet, and how many meet depends on the layout",
        name_of(train.precision));
  }
  if (train.linear_backend == LinearBackend::onednn || train.linear_backend == LinearBackend::cblas) {
    throw_user(
        "train.linear_backend = {} with train.reproducible = true: expected native, as the library decides the order "
        "of its sums by itself",
        name_of(train.linear_backend));
  }
  const auto replicas = static_cast<uint64_t>(mesh.size(Axis::data));
  if (!std::has_single_bit(replicas)) {
    throw_user(
        "parallel.data_parallel_size = {} with train.reproducible = true: expected a power of two, as gradients are "
        "summed in pairs; the nearest are {} and {}",
        replicas, std::bit_floor(replicas), std::bit_ceil(replicas));
  }
  check_canonical(config.model, mesh.size(Axis::tensor));
}

// Each stage sums its micro-batches as they come: in ascending order, whole ones. Where two ranks have half of them
// each, they are the halves of the tree.
void check_reproducible(const Schedule& schedule) {
  const auto refuse = [&](const std::string& expected) {
    throw_user("parallel.pipeline_schedule = {} with train.reproducible = true: expected {}", schedule.name, expected);
  };
  if (!schedule.is_synchronous()) refuse("a synchronous one: old weights give other bits");
  if (schedule.parts_per_micro_batch > 1) refuse("one that does not cut micro-batches");
  if (schedule.placement.num_routes() > 2)
    refuse("parallel.pipeline_pairs = 1, as more copies are not summed in pairs");
  const auto count = static_cast<uint64_t>(schedule.num_micro_batches());
  if (schedule.placement.num_routes() > 1 && !std::has_single_bit(count)) {
    refuse(fmt::format("a number of micro-batches a step that is a power of two, not {}", count));
  }
  for (const std::vector<Action>& actions : schedule.actions) {
    std::map<std::tuple<int, int, bool>, int> newest;  // by stage and route
    for (const Action& action : actions) {
      // The head's gradients are made in its F.
      const bool head = action.stage + 1 == schedule.num_stages();
      const bool adds = head ? action.kind == ActionKind::forward
                             : action.kind == ActionKind::whole_backward || action.kind == ActionKind::weight;
      const bool blocks_of_head = head && makes_weight_gradient(action.kind);
      if (!adds && !blocks_of_head) continue;
      const int route = schedule.routes[static_cast<size_t>(action.micro_batch)];
      const auto [last, first] = newest.try_emplace({action.stage, route, blocks_of_head}, action.micro_batch);
      if (!first && action.micro_batch < last->second) {
        refuse("one that takes the micro-batches of each stage in ascending order");
      }
      last->second = action.micro_batch;
    }
  }
}

LinearBackend linear_backend_of(const TrainOptions& options) {
  return options.reproducible ? LinearBackend::native : options.linear_backend;
}

}  // namespace kumiko
