#include "kumiko/schedule/render_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "kumiko/base/svg.h"

namespace kumiko {
namespace {

// In pixels.
constexpr double left_margin = 64;
constexpr double right_margin = 44;
constexpr double least_width = 640;
constexpr double most_width = 2400;
constexpr double wanted_action = 20;  // the width of a short action
constexpr double letter_width = 6.2;  // of a digit in the font size that is used
constexpr size_t most_hints = 20000;  // actions in a picture: with more, a browser is slow enough without hints

struct Color {
  int red, green, blue;
};

Color color_of(ActionKind kind) {
  switch (kind) {
    case ActionKind::forward:
      return {86, 150, 214};
    case ActionKind::backward:
      return {230, 159, 0};
    case ActionKind::weight:
      return {0, 148, 105};
    case ActionKind::whole_backward:
      return {213, 110, 30};
  }
  return {0, 0, 0};
}

// Halfway to white for the last part of a rank.
std::string fill_of(ActionKind kind, double part) {
  const auto lighter = [part](int value) { return static_cast<int>(std::lround(value + (255 - value) * 0.55 * part)); };
  const Color color = color_of(kind);
  return fmt::format("#{:02x}{:02x}{:02x}", lighter(color.red), lighter(color.green), lighter(color.blue));
}

// 1, 2 or 5 times a power of ten, so that there are at most `most` steps in `length`.
double nice_step(double length, double most) {
  const double power = std::pow(10, std::floor(std::log10(length / most)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (power * factor * most >= length) return power * factor;
  }
  return 10 * power;
}

struct Layout {
  double end = 1;        // time at the right border
  double width = 0;      // of the timeline, without margins
  double row = 22;       // height of a rank
  double strip = 24;     // height of a rank's activations
  double most_held = 0;  // activations at the top of a strip
  bool hints = true;
  double x(double time) const { return left_margin + time / end * width; }
};

Layout layout_of(std::span<const Timeline> timelines) {
  Layout layout;
  layout.end = 0;
  std::vector<double> lengths;
  size_t num_ranks = 1;
  for (const Timeline& timeline : timelines) {
    num_ranks = std::max(num_ranks, timeline.times.size());
    for (size_t rank = 0; rank < timeline.times.size(); ++rank) {
      for (const ActionTime& time : timeline.times[rank]) {
        layout.end = std::max(layout.end, time.end);
        if (time.end > time.begin) lengths.push_back(time.end - time.begin);
      }
      for (const HeldActivations& change : activations_over_time(timeline, static_cast<int>(rank)))
        layout.most_held = std::max(layout.most_held, change.held);
    }
  }
  if (lengths.empty() || layout.end <= 0) return {1, least_width, 22, 24, 1, false};
  const auto quartile = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 4);
  std::nth_element(lengths.begin(), quartile, lengths.end());
  layout.width = std::clamp(layout.end / *quartile * wanted_action, least_width, most_width);
  layout.row = std::clamp(480.0 / static_cast<double>(num_ranks), 3.0, 22.0);
  layout.strip = std::clamp(480.0 / static_cast<double>(num_ranks), 3.0, 24.0);
  layout.hints = lengths.size() <= most_hints;
  return layout;
}

// Every how many ranks a label has room.
size_t label_step(double height) { return static_cast<size_t>(std::ceil(12 / height)); }

void draw_axis(Svg& svg, const Layout& layout, double top, double bottom, std::string_view unit) {
  const double step = nice_step(layout.end, layout.width / 70);
  for (int tick = 0; tick * step <= layout.end * (1 + 1e-9); ++tick) {
    const double x = layout.x(tick * step);
    svg.line({x, top}, {x, bottom + 4}, "stroke=\"#999\" stroke-width=\".5\"");
    svg.text({x, bottom + 16}, fmt::format("{:.6g}", tick * step), TextAnchor::middle, "font-size=\"10\"");
  }
  const std::string label = unit.empty() ? "time" : fmt::format("time, {}", unit);
  svg.text({left_margin - 8, bottom + 16}, label, TextAnchor::end, "font-size=\"10\"");
}

void draw_action(Svg& svg, const Layout& layout, const Action& action, const ActionTime& time, double part,
                 double top) {
  const double x = layout.x(time.begin);
  const double width = layout.x(time.end) - x;
  const char* border = width >= 3 ? " stroke=\"#fff\" stroke-width=\".6\"" : "";
  svg.rectangle({x, top}, width, layout.row, fmt::format("fill=\"{}\"{}", fill_of(action.kind, part), border),
                layout.hints ? fmt::format("{}: {:.6g} to {:.6g}", to_string(action), time.begin, time.end) : "");
  const std::string number = std::to_string(action.micro_batch);
  if (layout.row >= 10 && static_cast<double>(number.size()) * letter_width + 2 <= width) {
    svg.text({x + width / 2, top + layout.row / 2 + 3.5}, number, TextAnchor::middle,
             "font-size=\"10\" pointer-events=\"none\"");
  }
}

void draw_rows(Svg& svg, const Layout& layout, const Timeline& timeline, const TimelineFacts& facts, double top) {
  for (size_t rank = 0; rank < timeline.times.size(); ++rank) {
    const double y = top + static_cast<double>(rank) * layout.row;
    svg.rectangle({left_margin, y}, layout.x(facts.end) - left_margin, layout.row - 1, "fill=\"#e8e8e8\"");
    const std::vector<double> parts = parts_of_actions(timeline.schedule, static_cast<int>(rank));
    for (size_t n = 0; n < timeline.times[rank].size(); ++n) {
      draw_action(svg, layout, timeline.schedule.actions[rank][n], timeline.times[rank][n], parts[n], y);
    }
    if (rank % label_step(layout.row) == 0) {
      svg.text({left_margin - 8, y + layout.row / 2 + 4}, fmt::format("rank {}", rank), TextAnchor::end);
    }
  }
}

// Without what comes and goes at one moment, and held to the end of the picture.
std::vector<HeldActivations> steps_of(const std::vector<HeldActivations>& changes, double end) {
  std::vector<HeldActivations> steps = {{0, 0}};
  for (const HeldActivations& change : changes) {
    if (change.time > steps.back().time) {
      steps.push_back(change);
    } else {
      steps.back() = change;
    }
  }
  steps.push_back({end, steps.back().held});
  return steps;
}

// A stair above `base`, its ground filled.
void draw_steps(Svg& svg, const Layout& layout, const std::vector<HeldActivations>& steps, double base) {
  std::vector<Point> stair;
  for (size_t n = 0; n + 1 < steps.size(); ++n) {
    const double begin = layout.x(steps[n].time);
    const double end = layout.x(steps[n + 1].time);
    const double height = steps[n].held / layout.most_held * (layout.strip - 3);
    if (height > 0.05) svg.rectangle({begin, base - height}, end - begin, height, "fill=\"#e6dbec\"");
    stair.push_back({begin, base - height});
    stair.push_back({end, base - height});
  }
  svg.polyline(stair, "stroke=\"#7a4a8c\" stroke-width=\"1\"");
}

void draw_activations(Svg& svg, const Layout& layout, const Timeline& timeline, double top) {
  for (size_t rank = 0; rank < timeline.times.size(); ++rank) {
    const double base = top + static_cast<double>(rank + 1) * layout.strip;
    const std::vector<HeldActivations> changes = activations_over_time(timeline, static_cast<int>(rank));
    draw_steps(svg, layout, steps_of(changes, layout.end), base);
    if (rank % label_step(layout.strip) != 0) continue;
    double most = 0;
    for (const HeldActivations& change : changes) most = std::max(most, change.held);
    svg.text({left_margin - 8, base - 4}, fmt::format("rank {}", rank), TextAnchor::end, "font-size=\"10\"");
    svg.text({left_margin + layout.width + 6, base - 4}, fmt::format("{:.4g}", most), TextAnchor::start,
             "font-size=\"10\" fill=\"#7a4a8c\"");
  }
}

constexpr double title_height = 26;
constexpr double axis_height = 24;
constexpr double caption_height = 18;
constexpr double gap = 14;

double height_of(const Timeline& timeline, const Layout& layout) {
  const auto num_ranks = static_cast<double>(timeline.times.size());
  return title_height + num_ranks * layout.row + axis_height + caption_height + num_ranks * layout.strip + gap;
}

void draw_timeline(Svg& svg, const Layout& layout, const Timeline& timeline, double top, std::string_view unit) {
  const TimelineFacts facts = facts_of(timeline);
  const auto num_ranks = static_cast<double>(timeline.times.size());
  svg.text({left_margin, top + 16},
           fmt::format("{}: bubble rate {:.4f}, cost {:.6g}", timeline.title, facts.bubble_rate, facts.cost),
           TextAnchor::start, "font-weight=\"bold\"");
  const double rows = top + title_height;
  const double bottom = rows + num_ranks * layout.row;
  draw_rows(svg, layout, timeline, facts, rows);
  draw_axis(svg, layout, bottom, bottom, unit);
  svg.text({left_margin, bottom + axis_height + 12},
           "activations held, in micro-batches through all stages of a rank; at the right the most", TextAnchor::start,
           "font-size=\"10\"");
  draw_activations(svg, layout, timeline, bottom + axis_height + caption_height);
}

bool has_kind(std::span<const Timeline> timelines, ActionKind kind) {
  for (const Timeline& timeline : timelines) {
    for (const auto& rank : timeline.schedule.actions) {
      if (std::any_of(rank.begin(), rank.end(), [kind](const Action& action) { return action.kind == kind; }))
        return true;
    }
  }
  return false;
}

std::string meaning_of_shades(const Schedule& schedule) {
  if (schedule.placement.num_routes() > 1) return "lighter: pipelines upwards";
  return schedule.num_stages() > schedule.num_ranks() ? "lighter: later stages of the rank" : "";
}

void draw_legend(Svg& svg, std::span<const Timeline> timelines, double y) {
  constexpr std::array kinds = {ActionKind::forward, ActionKind::backward, ActionKind::weight,
                                ActionKind::whole_backward};
  constexpr std::array meanings = {"F, forward", "B, gradient of the input", "W, gradients of the weights",
                                   "BW, whole backward"};
  double x = left_margin;
  const auto entry = [&](std::string_view fill, std::string_view meaning) {
    svg.rectangle({x, y - 10}, 12, 12, fmt::format("fill=\"{}\"", fill));
    svg.text({x + 17, y}, meaning, TextAnchor::start, "font-size=\"11\"");
    x += 34 + 6 * static_cast<double>(meaning.size());
  };
  for (size_t n = 0; n < kinds.size(); ++n) {
    if (has_kind(timelines, kinds[n])) entry(fill_of(kinds[n], 0), meanings[n]);
  }
  entry("#e8e8e8", "bubble");
  svg.text({x, y}, meaning_of_shades(timelines[0].schedule), TextAnchor::start, "font-size=\"11\"");
}

}  // namespace

std::string timeline_svg(std::span<const Timeline> given, std::string_view time_unit) {
  std::vector<Timeline> timelines;
  for (const Timeline& timeline : given) timelines.push_back(from_zero(timeline));
  const Layout layout = layout_of(timelines);
  constexpr double legend_height = 24;
  double height = legend_height;
  for (const Timeline& timeline : timelines) height += height_of(timeline, layout);

  Svg svg(left_margin + layout.width + right_margin, height);
  double top = 0;
  for (const Timeline& timeline : timelines) {
    draw_timeline(svg, layout, timeline, top, time_unit);
    top += height_of(timeline, layout);
  }
  if (!timelines.empty()) draw_legend(svg, timelines, top + 8);
  return svg.document();
}

}  // namespace kumiko
