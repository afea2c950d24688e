// The communicators of the data axis. What may run at the same time has a channel of its own, so that no order between
// them needs to be kept.
#pragma once

#include <memory>

#include "kumiko/comm/communicator.h"
#include "kumiko/parallel/sharding.h"

namespace kumiko {

struct DataAxis {
  // All for one: for a step that divides nothing.
  DataAxis(Communicator& all) : ranks(all), gradients(all) {}  // NOLINT: a communicator is a data axis
  DataAxis(Communicator& all, Communicator& gradient_sums, Communicator* between, Communicator* weight_gathers)
      : ranks(all), gradients(gradient_sums), groups(between), weights(weight_gathers) {}

  Communicator& ranks;              // the whole axis: loss and the like
  Communicator& gradients;          // among which gradients are summed: one group of shards, or the whole axis
  Communicator* groups = nullptr;   // ranks with the same shard in all groups; none if there is one group
  Communicator* weights = nullptr;  // the group of shards, for weights; none if nothing is divided
};

struct DataCommunicators {
  std::unique_ptr<Communicator> ranks;
  std::unique_ptr<Communicator> gradients;
  std::unique_ptr<Communicator> groups;
  std::unique_ptr<Communicator> weights;

  DataAxis axis() const { return {*ranks, *gradients, groups.get(), weights.get()}; }
};

// Collective over the data axis of this rank.
DataCommunicators connect_data_axis(World& world, const Mesh& mesh, const Sharding& sharding);

}  // namespace kumiko
