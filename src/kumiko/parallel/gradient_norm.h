// The gradient as a whole, where ranks of the tensor axis hold parts of it.
#pragma once

#include "kumiko/comm/communicator.h"
#include "kumiko/kernels/kernels.h"
#include "kumiko/model/parameter.h"

namespace kumiko {

// What several ranks of the tensor axis hold and each has a part of the gradient of gets the sum, all in one
// all-reduce: a head of keys that is shared by more queries than a rank has, and norms of shards of the tokens.
// Collective over `tensor`.
void sum_shared_gradients(Communicator& tensor, const ParameterRegistry& parameters, MemoryPool& pool);

// The sum of the squares of all elements of the gradient, each logical element once; NaN or Inf if any is. Collective
// over `tensor`, which may be none.
double squared_gradient_norm(Communicator* tensor, Kernels& kernels, const ParameterRegistry& parameters,
                             MemoryPool& pool);

}  // namespace kumiko
