// One step as a person reads it. Pure functions from metrics to text, without line breaks or control characters unless
// said.
#pragma once

#include <cstdint>
#include <string>

#include "kumiko/train/metrics.h"

namespace kumiko {

// For a log: each value with its name.
std::string step_line(const StepMetrics& metrics);

// For a screen: columns, and the line above them. All fit 80 characters; a narrower screen has the first of them only.
std::string step_columns(const StepMetrics& metrics, size_t width);
std::string step_columns_header(const StepMetrics& metrics, size_t width);

// What else there is to say about the step, a line each with line breaks: a skipped step, a validation loss. Often "".
std::string step_notes(const StepMetrics& metrics);

struct BarStyle {
  size_t width = 80;
  bool utf8 = true;
  bool color = false;  // with control characters for colour
};
// " 45% |#####     | 900/2000, 3 m 07 s left", shorter than the width; `activity`, if any, stands in place of the time.
std::string progress_bar(const StepMetrics& metrics, const std::string& activity, const BarStyle& style);

}  // namespace kumiko
