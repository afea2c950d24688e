#include "kumiko/train/traffic_table.h"

#include <fmt/core.h>

#include <algorithm>

namespace kumiko {
namespace {

bool same(const TrafficRow& a, const TrafficRow& b) {
  return a.verb == b.verb && a.axis == b.axis && a.purpose == b.purpose;
}

// At most 80 columns: names have up to 41 characters.
std::string line_of(const std::string& name, const TrafficRow& row, int64_t steps) {
  const auto count = static_cast<double>(steps);
  const double hidden = row.seconds > 0 ? std::max(0.0, 1 - row.exposed / row.seconds) : 1;
  return fmt::format("{:<41} {:>9.3f} {:>9.2f} {:>9.2f} {:>7.1f}%\n", name,
                     static_cast<double>(row.bytes) * 1e-6 / count, row.seconds * 1e3 / count,
                     row.exposed * 1e3 / count, 100 * hidden);
}

}  // namespace

std::vector<TrafficRow> traffic_since(const std::vector<TrafficRow>& before, std::vector<TrafficRow> now) {
  for (TrafficRow& row : now) {
    const auto found = std::find_if(before.begin(), before.end(), [&](const auto& other) { return same(row, other); });
    if (found == before.end()) continue;
    row.calls -= found->calls;
    row.bytes -= found->bytes;
    row.seconds -= found->seconds;
    row.exposed -= found->exposed;
  }
  std::erase_if(now, [](const TrafficRow& row) { return row.calls == 0; });
  return now;
}

std::string traffic_table(const std::vector<TrafficRow>& traffic, int64_t steps) {
  if (traffic.empty() || steps == 0) return "";
  std::string text =
      fmt::format("{:<41} {:>9} {:>9} {:>9} {:>8}\n", "communication", "MB/step", "ms/step", "exposed", "hidden");
  for (const Axis axis : {Axis::data, Axis::pipeline, Axis::context, Axis::tensor}) {
    TrafficRow sum{Verb::barrier, axis, ""};
    int count = 0;
    for (const TrafficRow& row : traffic) {
      if (row.axis != axis) continue;
      text += line_of(fmt::format("{}: {} {}", name_of(axis), name_of(row.verb), row.purpose), row, steps);
      sum.bytes += row.bytes;
      sum.seconds += row.seconds;
      sum.exposed += row.exposed;
      ++count;
    }
    if (count > 1) text += line_of(fmt::format("{}: all", name_of(axis)), sum, steps);
  }
  return text;
}

}  // namespace kumiko
