// What a rank communicated, as text: one row for each axis, verb and purpose, and how much of it hid behind arithmetic.
#pragma once

#include <string>
#include <vector>

#include "kumiko/comm/communicator.h"

namespace kumiko {

// What was added to `before`, an earlier answer of the same World::traffic.
std::vector<TrafficRow> traffic_since(const std::vector<TrafficRow>& before, std::vector<TrafficRow> now);

// Columns: axis, verb and purpose; MB, ms and ms waited for, a step; the share of the time that nobody waited for. Axes
// with several rows end with their sum. "" if there was none. Ends with a line break.
std::string traffic_table(const std::vector<TrafficRow>& traffic, int64_t steps);

}  // namespace kumiko
