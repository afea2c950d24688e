#include "kumiko/train/reproducible.h"

#include <bit>

#include "kumiko/base/error.h"
#include "kumiko/model/canonical.h"

namespace kumiko {

void check_reproducible(const Config& config, const Mesh& mesh) {
  const TrainOptions& train = config.train;
  if (train.precision != Precision::fp32) {
    throw_user(
        "train.precision = {} with train.reproducible = true: expected fp32, as partial sums would be rounded to 16 "
        "bits "
        "where ranks meet, and how many meet depends on the layout",
        name_of(train.precision));
  }
  if (train.linear_backend == LinearBackend::onednn || train.linear_backend == LinearBackend::cblas) {
    throw_user(
        "train.linear_backend = {} with train.reproducible = true: expected native, as the library decides the order "
        "of "
        "its sums by itself",
        train.linear_backend == LinearBackend::onednn ? "onednn" : "cblas");
  }
  const auto replicas = static_cast<uint64_t>(mesh.size(Axis::data));
  if (!std::has_single_bit(replicas)) {
    throw_user(
        "parallel.data_parallel_size = {} with train.reproducible = true: expected a power of two, as gradients are "
        "summed "
        "in pairs; the nearest are {} and {}",
        replicas, std::bit_floor(replicas), std::bit_ceil(replicas));
  }
  check_canonical(config.model, mesh.size(Axis::tensor));
}

LinearBackend linear_backend_of(const TrainOptions& options) {
  return options.reproducible ? LinearBackend::native : options.linear_backend;
}

}  // namespace kumiko
