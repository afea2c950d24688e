#include "kumiko/train/scaling_plot.h"

#include <fmt/core.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "kumiko/base/svg.h"
#include "kumiko/base/text.h"
#include "kumiko/train/scaling_bars.h"
#include "kumiko/train/scaling_report.h"

namespace kumiko {
namespace {

constexpr double width = 980;
constexpr double panel_top = 92;
constexpr double panel_height = 250;
constexpr double panel_width = 380;
constexpr double bar_height = 20;
constexpr double bar_pitch = 27;
constexpr const char* grid = R"(stroke="#ddd")";
constexpr const char* faint = R"(fill="#666")";
constexpr std::array<const char*, 7> colors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                               "#e69f00", "#56b4e9", "#555555"};

// Rows that differ only in the size of the data axis, by number of ranks.
using Series = std::map<std::string, std::vector<const ScalingRow*>>;

Series series_of(const ScalingRecord& record) {
  Series series;
  for (const ScalingRow& row : record.rows) {
    ScalingLayout kind = row.layout;
    kind.data = 1;
    std::string name = fmt::format("TP {}", row.layout.tensor);
    for (const auto& [key, value] : row.layout.options) name += fmt::format(", {} {}", key, value);
    series[name].push_back(&row);
  }
  for (auto& [name, rows] : series) {
    std::sort(rows.begin(), rows.end(),
              [](const auto* a, const auto* b) { return a->layout.num_ranks() < b->layout.num_ranks(); });
  }
  return series;
}

struct ScaledUnit {
  double factor;
  const char* name;
};

ScaledUnit unit_for(double flops) {
  if (flops >= 1e15) return {1e-15, "PFLOP/s"};
  return flops >= 1e12 ? ScaledUnit{1e-12, "TFLOP/s"} : ScaledUnit{1e-9, "GFLOP/s"};
}

// 1, 2 or 5 times a power of ten, at least `value`.
double round_step(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double digit : {1.0, 2.0, 5.0}) {
    if (digit * power >= value) return digit * power;
  }
  return 10 * power;
}

// One diagram of rates against the number of CPUs, which is logarithmic.
class Panel {
 public:
  Panel(Svg& svg, const ScalingRecord& record, double left, double lowest, double highest, bool logarithmic)
      : svg_(svg), left_(left), lowest_(lowest), highest_(highest), logarithmic_(logarithmic) {
    for (const ScalingRow& row : record.rows) ranks_.insert(row.layout.num_ranks());
  }

  Point at(double ranks, double flops) const {
    const double first = std::log2(static_cast<double>(*ranks_.begin()));
    const double range = std::max(1.0, std::log2(static_cast<double>(*ranks_.rbegin())) - first);
    const auto scaled = [&](double value) { return logarithmic_ ? std::log2(value) : value; };
    const double height = (scaled(flops) - scaled(lowest_)) / (scaled(highest_) - scaled(lowest_));
    return {left_ + 20 + (panel_width - 40) * (std::log2(ranks) - first) / range,
            panel_top + panel_height * (1 - height)};
  }

  void axes(const std::string& title) {
    const ScaledUnit unit = unit_for(highest_);
    svg_.text({left_, panel_top - 14}, fmt::format("{}, {}", title, unit.name), TextAnchor::start,
              R"(font-weight="bold")");
    for (const double tick : ticks()) {
      const double y = at(1, tick).y;
      svg_.line({left_, y}, {left_ + panel_width, y}, grid);
      svg_.text({left_ - 6, y + 4}, fmt::format("{:.4g}", tick * unit.factor), TextAnchor::end, faint);
    }
    double last_label = -1e9;
    for (const int64_t ranks : ranks_) {
      const Point foot = {at(static_cast<double>(ranks), highest_).x, panel_top + panel_height};
      svg_.line(foot, {foot.x, foot.y + 5}, R"(stroke="#888")");
      if (foot.x - last_label < 34) continue;
      svg_.text({foot.x, foot.y + 18}, fmt::format("{}", ranks), TextAnchor::middle, faint);
      last_label = foot.x;
    }
    svg_.line({left_, panel_top + panel_height}, {left_ + panel_width, panel_top + panel_height}, R"(stroke="#888")");
    svg_.text({left_ + panel_width / 2, panel_top + panel_height + 36}, "CPUs", TextAnchor::middle, faint);
  }

  const std::set<int64_t>& ranks() const { return ranks_; }

 private:
  std::vector<double> ticks() const {
    std::vector<double> ticks;
    if (!logarithmic_) {
      const double step = round_step(highest_ / 6);
      for (double tick = 0; tick <= highest_ * 1.0001; tick += step) ticks.push_back(tick);
      return ticks;
    }
    const double factor = std::pow(2, std::ceil(std::log2(highest_ / lowest_) / 7));
    for (double tick = lowest_; tick <= highest_ * 1.0001; tick *= factor) ticks.push_back(tick);
    return ticks;
  }

  Svg& svg_;
  double left_;
  double lowest_;
  double highest_;
  bool logarithmic_;
  std::set<int64_t> ranks_;
};

void draw_ideal(Svg& svg, const Panel& panel, const std::function<double(double)>& ideal) {
  const auto first = static_cast<double>(*panel.ranks().begin());
  const auto last = static_cast<double>(*panel.ranks().rbegin());
  svg.line(panel.at(first, ideal(first)), panel.at(last, ideal(last)), R"(stroke="#888" stroke-dasharray="5 4")");
}

void draw_series(Svg& svg, const ScalingRecord& record, const Panel& panel, bool aggregate) {
  size_t color = 0;
  for (const auto& [name, rows] : series_of(record)) {
    const char* paint = colors[color++ % colors.size()];
    std::vector<Point> points;
    for (const ScalingRow* row : rows) {
      const auto ranks = static_cast<double>(row->layout.num_ranks());
      const auto point = [&](double seconds) {
        return panel.at(ranks, record.flops_per_rank(*row, seconds) * (aggregate ? ranks : 1));
      };
      svg.line(point(row->rounds.front().step_seconds), point(row->rounds.back().step_seconds),
               fmt::format(R"(stroke="{}" stroke-opacity="0.5" stroke-width="5")", paint));
      points.push_back(point(row->median().step_seconds));
    }
    svg.polyline(points, fmt::format(R"(stroke="{}" stroke-width="2")", paint));
    for (const Point& point : points) svg.circle(point, 4, fmt::format(R"(fill="{}" stroke="#fff")", paint));
  }
}

// Entries one after another, from line to line.
class Legend {
 public:
  Legend(Svg& svg, double top) : svg_(svg), y_(top) {}

  // Where the sign of the next entry, so wide, begins; its name follows it.
  Point next(std::string_view name, double sign_width) {
    const double length = sign_width + 24 + 6.4 * static_cast<double>(name.size());
    if (x_ + length > width - 20 && x_ > left) {
      x_ = left;
      y_ += 20;
    }
    const Point sign = {x_, y_ - 4};
    svg_.text({x_ + sign_width + 6, y_}, name);
    x_ += length;
    return sign;
  }

 private:
  static constexpr double left = 64;
  Svg& svg_;
  double x_ = left;
  double y_;
};

void draw_series_names(Svg& svg, const ScalingRecord& record) {
  Legend legend(svg, panel_top + panel_height + 58);
  size_t color = 0;
  const auto entry = [&](std::string_view name, const std::string& style) {
    const Point sign = legend.next(name, 22);
    svg.line(sign, {sign.x + 22, sign.y}, style);
  };
  for (const auto& [name, rows] : series_of(record)) {
    entry(name, fmt::format(R"(stroke="{}" stroke-width="3")", colors[color++ % colors.size()]));
  }
  entry("spread of the rounds", R"(stroke="#bbb" stroke-width="5")");
  entry("ideal, from the first row", R"(stroke="#888" stroke-dasharray="5 4")");
}

void draw_rates(Svg& svg, const ScalingRecord& record) {
  double best = 0;
  double best_sum = 0;
  double least_sum = 1e300;
  const ScalingRow& first = record.rows.front();
  const double rate = record.flops_per_rank(first);
  for (const ScalingRow& row : record.rows) {
    const auto ranks = static_cast<double>(row.layout.num_ranks());
    best = std::max(best, record.flops_per_rank(row, row.rounds.front().step_seconds));
    best_sum = std::max({best_sum, rate * ranks, record.flops_per_rank(row, row.rounds.front().step_seconds) * ranks});
    least_sum = std::min(least_sum, record.flops_per_rank(row, row.rounds.back().step_seconds) * ranks);
  }
  Panel each(svg, record, 64, 0, 1.1 * best, false);
  each.axes("throughput of a CPU");
  draw_ideal(svg, each, [&](double) { return rate; });
  draw_series(svg, record, each, false);
  Panel sum(svg, record, 64 + panel_width + 100, round_step(least_sum) / 2, 1.3 * best_sum, true);
  sum.axes("throughput of all CPUs");
  draw_ideal(svg, sum, [&](double ranks) { return rate * ranks; });
  draw_series(svg, record, sum, true);
  draw_series_names(svg, record);
}

void draw_bar(Svg& svg, const ScalingRow& row, Point corner, double length) {
  const auto shares = group_shares(row.median().times);
  for (size_t group = 0; group < region_groups.size(); ++group) {
    const double part = shares[group] * length;
    svg.rectangle(corner, part, bar_height, fmt::format("fill=\"{}\"", region_groups[group].color),
                  fmt::format("{}: {:.1f} %", region_groups[group].name, 100 * shares[group]));
    corner.x += part;
  }
}

void draw_bars(Svg& svg, const ScalingRecord& record, double top) {
  constexpr double left = 190;
  constexpr double bar_width = 690;
  svg.text({64, top}, "where a step's time goes (mean over the ranks), and its length", TextAnchor::start,
           R"(font-weight="bold")");
  double y = top + 16;
  for (const ScalingRow& row : record.rows) {
    svg.text({left - 8, y + 14}, column_name(record, row), TextAnchor::end);
    draw_bar(svg, row, {left, y}, bar_width);
    svg.text({left + bar_width + 8, y + 14}, human_seconds(row.median().step_seconds), TextAnchor::start, faint);
    y += bar_pitch;
  }
  Legend legend(svg, y + 16);
  for (const RegionGroup& group : region_groups) {
    const Point sign = legend.next(group.name, 12);
    svg.rectangle({sign.x, sign.y - 6}, 12, 12, fmt::format("fill=\"{}\"", group.color));
  }
}

}  // namespace

std::string scaling_plot(const ScalingRecord& record) {
  const double bars_top = panel_top + panel_height + 96;
  Svg svg(width, bars_top + 16 + bar_pitch * static_cast<double>(record.rows.size()) + 50);
  svg.text({64, 32}, scaling_title(record), TextAnchor::start, R"(font-size="15" font-weight="bold")");
  svg.text({64, 52},
           fmt::format("{} thread{} a CPU; {}; {}", record.num_threads, record.num_threads == 1 ? "" : "s", record.cpu,
                       record.network),
           TextAnchor::start, faint);
  draw_rates(svg, record);
  draw_bars(svg, record, bars_top);
  return svg.document();
}

}  // namespace kumiko
