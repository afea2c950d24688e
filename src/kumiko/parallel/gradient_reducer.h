// Data parallelism's one communication: the gradients of each unit are summed over the data axis as soon as they are
// ready, behind the backward of the units before it.
#pragma once

#include <vector>

#include "kumiko/comm/communicator.h"
#include "kumiko/model/parameter.h"

namespace kumiko {

class GradientReducer {
 public:
  GradientReducer(Communicator& data, const ParameterRegistry& parameters) : data_(data), parameters_(parameters) {}

  // The unit's gradients are complete on this rank; every rank says so in the same order.
  void unit_ready(int unit);
  // Blocks until every announced unit holds the sum over all ranks.
  void wait();

 private:
  Communicator& data_;
  const ParameterRegistry& parameters_;
  std::vector<Event> pending_;
};

}  // namespace kumiko
