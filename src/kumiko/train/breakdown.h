// Where a step's time went, as text: one row a region, adding up to the step in the numbers as they are printed.
#pragma once

#include <map>
#include <string>

#include "kumiko/base/regions.h"

namespace kumiko {

// Columns: region, ms per step, share in percent, calls per step, and TFLOP/s where `flops` (FLOPs of one step of this
// rank by row) has the row. Rows that never occurred are left out. Ends with a line break. For no steps, says so.
std::string breakdown_table(const RegionTimes& times, const std::map<RegionRow, double>& flops = {});

}  // namespace kumiko
