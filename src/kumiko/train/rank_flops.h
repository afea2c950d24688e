// The matrix products of this rank in one step, by row of the breakdown: its part of each layer, for the layers and
// micro-batches that its stages of a pipeline take.
#pragma once

#include <map>

#include "kumiko/train/setup.h"

namespace kumiko {

std::map<RegionRow, double> rank_flops(const Run& run);

}  // namespace kumiko
