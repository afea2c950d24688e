// Exact sums over ranks (base/exact_sum.h): the same bits whichever rank has which terms.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

#include "kumiko/base/exact_sum.h"
#include "kumiko/comm/communicator.h"

namespace kumiko {

// The sum of what all ranks of each axis in turn have; axes may be null. Collective over them.
ExactSum add_exactly(const ExactSum& sum, std::initializer_list<Communicator*> axes, std::string_view purpose,
                     MemoryPool& pool);
// Its value; that of single numbers.
double sum_exactly(const ExactSum& sum, std::initializer_list<Communicator*> axes, std::string_view purpose,
                   MemoryPool& pool);
double sum_exactly(std::span<const double> values, std::initializer_list<Communicator*> axes, std::string_view purpose,
                   MemoryPool& pool);

}  // namespace kumiko
