// The scaling record as a picture.
#pragma once

#include <string>

#include "kumiko/train/scaling_benchmark.h"

namespace kumiko {

// An SVG document: throughput of a CPU and of all CPUs against their number, a line for each size of the tensor axis,
// the second with the line of ideal scaling from the first row; below, a bar a layout of where its step went.
std::string scaling_plot(const ScalingRecord& record);

}  // namespace kumiko
