// Parameters that several ranks of the tensor axis hold, each with a part of the gradient: a head of keys that more
// queries share than one rank has, norms over shards of the sequence. All of a unit travel as one tensor.
#pragma once

#include "kumiko/model/parameter.h"

namespace kumiko {

// Of a unit's `gradient`, as it lies in memory: this rank's parts of what is shared, among zeros; no tensor if nothing
// is. The sum of that over the tensor axis is what put_shared takes back.
Tensor take_shared(const ParameterRegistry& parameters, int unit, const Tensor& gradient, MemoryPool& pool);
void put_shared(const ParameterRegistry& parameters, int unit, const Tensor& summed, const Tensor& gradient);
// Elements that travel.
int64_t shared_elements(const ParameterRegistry& parameters, int unit);

}  // namespace kumiko
