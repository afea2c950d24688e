// The scaling record as text and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kumiko/train/scaling_benchmark.h"

namespace kumiko {

// The table of layouts (a rank counts as a CPU), the breakdown of a step by region with a column a layout, and what
// each axis communicated.
std::string scaling_text(const ScalingRecord& record);

// The first part: one line a layout, with CPUs, DP, TP, TFLOP/s of a CPU and its spread over the rounds, the share of
// the measured peak, the sum over the CPUs, and the efficiency against the first row.
std::string scaling_table(const ScalingRecord& record);

nlohmann::ordered_json scaling_json(const ScalingRecord& record);

// "4x2", or "4x2 #3" of the third row where its layout has options, which the table of layouts names.
std::string column_name(const ScalingRecord& record, const ScalingRow& row);

// "gpt2-124m, 1024 tokens a sample, fp32; strong scaling at a global batch of 8": what all layouts share.
std::string scaling_title(const ScalingRecord& record);

}  // namespace kumiko
