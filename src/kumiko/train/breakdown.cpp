#include "kumiko/train/breakdown.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace kumiko {
namespace {

// Rounds `values` to whole numbers whose sum is `total`, which must be their rounded sum: each is rounded down, then
// those with the largest remainders are raised.
std::vector<int64_t> round_to_sum(const std::vector<double>& values, int64_t total) {
  std::vector<int64_t> rounded;
  for (const double value : values) rounded.push_back(static_cast<int64_t>(std::floor(value)));
  const int64_t missing = total - std::accumulate(rounded.begin(), rounded.end(), int64_t{0});
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&values](size_t a, size_t b) {
    return values[a] - std::floor(values[a]) > values[b] - std::floor(values[b]);
  });
  for (size_t i = 0; i < order.size() && static_cast<int64_t>(i) < missing; ++i) ++rounded[order[i]];
  return rounded;
}

struct Row {
  std::string_view name;
  RegionTime time;
  double flops = 0;  // of one step
};

std::vector<Row> rows_that_occurred(const RegionTimes& times, const std::map<RegionRow, double>& flops) {
  std::vector<Row> rows;
  for (size_t i = 0; i < num_region_rows; ++i) {
    const auto row = static_cast<RegionRow>(i);
    const RegionTime& time = times.at(row);
    if (time.calls == 0 && time.nanoseconds == 0) continue;
    const auto found = flops.find(row);
    rows.push_back({name_of(row), time, found == flops.end() ? 0 : found->second});
  }
  return rows;
}

// One decimal where a region does not occur in every step.
std::string calls_per_step(const RegionTime& time, int64_t steps) {
  if (time.calls == 0) return "";
  if (time.calls % steps == 0) return fmt::format("{}", time.calls / steps);
  return fmt::format("{:.2g}", static_cast<double>(time.calls) / static_cast<double>(steps));
}

}  // namespace

std::string breakdown_table(const RegionTimes& times, const std::map<RegionRow, double>& flops) {
  if (times.steps == 0 || times.nanoseconds() == 0) return "breakdown: no steps since the last one\n";
  const std::vector<Row> rows = rows_that_occurred(times, flops);
  const auto steps = static_cast<double>(times.steps);
  const auto total_nanoseconds = static_cast<double>(times.nanoseconds());
  constexpr double nanoseconds_per_unit = 1e4;  // the printed unit: 0.01 ms
  std::vector<double> units;
  std::vector<double> tenths;  // of a percent
  for (const Row& row : rows) {
    const auto nanoseconds = static_cast<double>(row.time.nanoseconds);
    units.push_back(nanoseconds / steps / nanoseconds_per_unit);
    tenths.push_back(1000 * nanoseconds / total_nanoseconds);
  }
  const int64_t total_units = std::llround(total_nanoseconds / steps / nanoseconds_per_unit);
  const std::vector<int64_t> printed_units = round_to_sum(units, total_units);
  const std::vector<int64_t> printed_tenths = round_to_sum(tenths, 1000);

  const auto milliseconds = [](int64_t value) { return fmt::format("{}.{:02}", value / 100, value % 100); };
  std::string text = fmt::format("{:<30} {:>10} {:>8} {:>7} {:>9}\n", "region", "ms/step", "share", "calls", "TFLOP/s");
  double total_flops = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string rate;
    if (rows[i].flops > 0 && rows[i].time.nanoseconds > 0) {
      rate = fmt::format("{:.3f}", rows[i].flops * steps / static_cast<double>(rows[i].time.nanoseconds) * 1e-3);
      total_flops += rows[i].flops;
    }
    std::string line =
        fmt::format("{:<30} {:>10} {:>5}.{}% {:>7} {:>9}", rows[i].name, milliseconds(printed_units[i]),
                    printed_tenths[i] / 10, printed_tenths[i] % 10, calls_per_step(rows[i].time, times.steps), rate);
    text += line.erase(line.find_last_not_of(' ') + 1) + '\n';
  }
  std::string rate;
  if (total_flops > 0) rate = fmt::format("{:.3f}", total_flops * steps / total_nanoseconds * 1e-3);
  std::string line = fmt::format("{:<30} {:>10} {:>7}% {:>7} {:>9}", fmt::format("step (mean of {})", times.steps),
                                 milliseconds(total_units), "100.0", "", rate);
  return text + line.erase(line.find_last_not_of(' ') + 1) + '\n';
}

}  // namespace kumiko
