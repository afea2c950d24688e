#include "kumiko/train/scaling_report.h"

#include <fmt/core.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "kumiko/base/text.h"

namespace kumiko {
namespace {

constexpr double tera = 1e-12;
constexpr size_t layouts_a_block = 8;

double milliseconds_per_step(const RegionTimes& times, int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) * 1e-6 / static_cast<double>(times.steps);
}

bool occurs(const ScalingRecord& record, size_t region) {
  for (const ScalingRow& row : record.rows) {
    if (row.median().times.rows[region].nanoseconds > 0) return true;
  }
  return false;
}

// One line of a table with a column a layout; "-" where `value` gives nothing.
std::string line_of(const std::string& name, const ScalingRecord& record, size_t first, size_t last,
                    const std::function<std::string(const ScalingRow&)>& value) {
  std::string line = fmt::format("{:<34}", name);
  for (size_t i = first; i < last; ++i) line += fmt::format(" {:>10}", value(record.rows[i]));
  return line + "\n";
}

std::string regions_text(const ScalingRecord& record, size_t first, size_t last) {
  std::string text = line_of("ms of a step (data x tensor)", record, first, last,
                             [&](const ScalingRow& row) { return column_name(record, row); });
  for (size_t region = 0; region < num_region_rows; ++region) {
    if (!occurs(record, region)) continue;
    text +=
        line_of(std::string(name_of(static_cast<RegionRow>(region))), record, first, last, [&](const ScalingRow& row) {
          const RegionTimes& times = row.median().times;
          return fmt::format("{:.1f}", milliseconds_per_step(times, times.rows[region].nanoseconds));
        });
  }
  return text + line_of("step", record, first, last, [](const ScalingRow& row) {
           const RegionTimes& times = row.median().times;
           return fmt::format("{:.1f}", milliseconds_per_step(times, times.nanoseconds()));
         });
}

std::string traffic_text(const ScalingRecord& record, Axis axis, size_t first, size_t last) {
  const auto line = [&](const char* name, const std::function<std::string(const AxisTraffic&)>& value) {
    return line_of(fmt::format("{} axis: {}", name_of(axis), name), record, first, last, [&](const ScalingRow& row) {
      const AxisTraffic& traffic = row.median().traffic[static_cast<size_t>(axis)];
      return row.layout.size(axis) > 1 ? value(traffic) : std::string("-");
    });
  };
  return line("MB handed over",
              [](const AxisTraffic& traffic) { return fmt::format("{:.1f}", traffic.bytes * 1e-6); }) +
         line("ms in all", [](const AxisTraffic& traffic) { return fmt::format("{:.1f}", traffic.seconds * 1e3); }) +
         line("ms waited for",
              [](const AxisTraffic& traffic) { return fmt::format("{:.1f}", traffic.exposed * 1e3); }) +
         line("% hidden", [](const AxisTraffic& traffic) { return fmt::format("{:.0f}", 100 * traffic.hidden()); });
}

bool has_axis(const ScalingRecord& record, Axis axis) {
  for (const ScalingRow& row : record.rows) {
    if (row.layout.size(axis) > 1) return true;
  }
  return false;
}

}  // namespace

std::string column_name(const ScalingRecord& record, const ScalingRow& row) {
  const std::string sizes = fmt::format("{}x{}", row.layout.data, row.layout.tensor);
  return row.layout.options.empty() ? sizes : fmt::format("{} #{}", sizes, &row - record.rows.data() + 1);
}

std::string scaling_title(const ScalingRecord& record) {
  const ScalingOptions& options = record.options;
  const std::string batch = options.mode == ScalingMode::strong
                                ? fmt::format("a global batch of {}", options.global_batch_size)
                                : fmt::format("{} samples a CPU", options.rank_batch_size);
  return fmt::format("{}, {} layers, {} tokens a sample, {}; {} scaling at {}, micro-batch {}", options.step.model,
                     record.shape.num_layers, options.step.seq_length, name_of(options.step.precision),
                     name_of(options.mode), batch, options.step.micro_batch_size);
}

std::string scaling_table(const ScalingRecord& record) {
  std::string text =
      fmt::format("{:>6} {:>6} {:>4} {:>7} {:>13} {:>15} {:>7} {:>10} {:>11} {:>10}\n", "CPUs", "DP", "TP", "batch",
                  "TFLOP/s a CPU", "spread", "% peak", "TFLOP/s", "efficiency", "step ms");
  for (const ScalingRow& row : record.rows) {
    const auto ranks = static_cast<double>(row.layout.num_ranks());
    const double rate = record.flops_per_rank(row);
    const std::string spread =
        fmt::format("{:.4f}-{:.4f}", record.flops_per_rank(row, row.rounds.back().step_seconds) * tera,
                    record.flops_per_rank(row, row.rounds.front().step_seconds) * tera);
    text += fmt::format("{:>6} {:>6} {:>4} {:>7} {:>13.4f} {:>15} {:>7.1f} {:>10.4f} {:>9.1f} % {:>10.1f}",
                        row.layout.num_ranks(), row.layout.data, row.layout.tensor, row.global_batch_size, rate * tera,
                        spread, 100 * rate / record.peak, rate * ranks * tera, 100 * record.efficiency(row),
                        row.median().step_seconds * 1e3);
    if (!row.layout.options.empty()) text += fmt::format("   #{} {}", &row - record.rows.data() + 1, row.layout.name());
    text += "\n";
  }
  return text;
}

std::string scaling_text(const ScalingRecord& record) {
  const StepBenchmarkOptions& step = record.options.step;
  std::string text = scaling_title(record) + "\n";
  text += fmt::format("{} thread{} a CPU (a rank), {} host{}, {}, {:.4f} TFLOP/s peak a CPU, measured\n",
                      record.num_threads, record.num_threads == 1 ? "" : "s", record.num_hosts,
                      record.num_hosts == 1 ? "" : "s", record.network, record.peak * tera);
  text += fmt::format("median of {} round{} of {} step{} each, the layouts in turn\n\n", record.options.rounds,
                      record.options.rounds == 1 ? "" : "s", step.steps, step.steps == 1 ? "" : "s");
  text += scaling_table(record);
  for (size_t first = 0; first < record.rows.size(); first += layouts_a_block) {
    const size_t last = std::min(record.rows.size(), first + layouts_a_block);
    text += "\n" + regions_text(record, first, last);
    for (const Axis axis : {Axis::data, Axis::tensor}) {
      if (has_axis(record, axis)) text += traffic_text(record, axis, first, last);
    }
  }
  return text;
}

nlohmann::ordered_json scaling_json(const ScalingRecord& record) {
  const StepBenchmarkOptions& step = record.options.step;
  nlohmann::ordered_json layouts = nlohmann::ordered_json::array();
  for (const ScalingRow& row : record.rows) {
    const ScalingRound& median = row.median();
    nlohmann::ordered_json regions;
    nlohmann::ordered_json communication = nlohmann::ordered_json::object();
    for (size_t region = 0; region < num_region_rows; ++region) {
      const RegionTime& time = median.times.rows[region];
      if (time.nanoseconds == 0) continue;
      regions[std::string(name_of(static_cast<RegionRow>(region)))] =
          milliseconds_per_step(median.times, time.nanoseconds);
    }
    for (const Axis axis : {Axis::data, Axis::tensor}) {
      const AxisTraffic& traffic = median.traffic[static_cast<size_t>(axis)];
      if (row.layout.size(axis) == 1) continue;
      communication[std::string(name_of(axis))] = {{"bytes", traffic.bytes},
                                                   {"ms", traffic.seconds * 1e3},
                                                   {"exposed_ms", traffic.exposed * 1e3},
                                                   {"hidden", traffic.hidden()}};
    }
    std::vector<double> rounds;
    for (const ScalingRound& round : row.rounds) rounds.push_back(round.step_seconds * 1e3);
    const double rate = record.flops_per_rank(row);
    layouts.push_back({{"layout", row.layout.name()},
                       {"ranks", row.layout.num_ranks()},
                       {"data", row.layout.data},
                       {"tensor", row.layout.tensor},
                       {"global_batch_size", row.global_batch_size},
                       {"tflops_per_rank", rate * tera},
                       {"peak_share", rate / record.peak},
                       {"tflops", rate * tera * static_cast<double>(row.layout.num_ranks())},
                       {"efficiency", record.efficiency(row)},
                       {"step_ms", median.step_seconds * 1e3},
                       {"round_ms", rounds},
                       {"loss", row.loss},
                       {"region_ms", regions},
                       {"communication", communication}});
  }
  return {{"model", step.model},
          {"num_layers", record.shape.num_layers},
          {"seq_length", step.seq_length},
          {"micro_batch_size", step.micro_batch_size},
          {"dtype", name_of(step.precision)},
          {"mode", name_of(record.options.mode)},
          {"rounds", record.options.rounds},
          {"steps", step.steps},
          {"threads", record.num_threads},
          {"hosts", record.num_hosts},
          {"cpu", record.cpu},
          {"network", record.network},
          {"peak_tflops", record.peak * tera},
          {"layouts", layouts}};
}

}  // namespace kumiko
