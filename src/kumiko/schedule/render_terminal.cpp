#include "kumiko/schedule/render_terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>

#include "kumiko/base/text_width.h"

namespace kumiko {
namespace {

constexpr size_t least_columns = 60;

struct ActionStyle {
  char letter;
  char fill;
  int color;  // of the background, ANSI; + 60 is its bright variant
};

ActionStyle style_of(ActionKind kind) {
  switch (kind) {
    case ActionKind::forward:
      return {'F', '-', 44};
    case ActionKind::backward:
    case ActionKind::whole_backward:
      return {'B', '=', 43};
    case ActionKind::weight:
      return {'W', '~', 42};
  }
  return {'?', '?', 41};
}

// What stands at the left and at the right of each line.
struct Margins {
  std::vector<std::string> left;
  std::vector<std::string> right;
  size_t left_width = 0;
  size_t right_width = 0;
};

Margins margins_of(const Timeline& timeline, const TimelineFacts& facts, size_t num_ranks) {
  Margins margins;
  for (size_t rank = 0; rank < num_ranks; ++rank) {
    double held = 0;
    for (const HeldActivations& change : activations_over_time(timeline, static_cast<int>(rank)))
      held = std::max(held, change.held);
    const double busy = facts.cost > 0 ? 100 * facts.busy[rank] / facts.cost : 0;
    margins.left.push_back(fmt::format("rank {:<{}} ", rank, fmt::formatted_size("{}", num_ranks - 1)));
    margins.right.push_back(fmt::format(" {:3.0f} % busy, {:.4g} held", busy, held));
    margins.left_width = std::max(margins.left_width, margins.left.back().size());
    margins.right_width = std::max(margins.right_width, margins.right.back().size());
  }
  return margins;
}

// How time becomes columns.
struct Scale {
  double columns_per_time = 1;
  size_t columns = 0;
  bool cut = false;  // at the right

  size_t column(double time) const {
    // A column's border that falls between two by rounding alone belongs to the later.
    return static_cast<size_t>(std::lround(time * columns_per_time + 1e-9));
  }
};

// What most actions last at least: the lower quartile, so that a single short one does not decide. 0 without actions.
double short_action(std::span<const Timeline> timelines) {
  std::vector<double> lengths;
  for (const Timeline& timeline : timelines) {
    for (const auto& rank : timeline.times) {
      for (const ActionTime& time : rank) {
        if (time.end > time.begin) lengths.push_back(time.end - time.begin);
      }
    }
  }
  if (lengths.empty()) return 0;
  const auto quartile = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 4);
  std::nth_element(lengths.begin(), quartile, lengths.end());
  return *quartile;
}

// A short action takes as many columns as a letter, the longest number and a dash do, or as few as it must: a letter.
// Whole columns, so that actions that last as long look the same.
Scale scale_of(std::span<const Timeline> timelines, double end, size_t columns) {
  const double length = short_action(timelines);
  if (length <= 0) return {1, columns, false};
  size_t digits = 1;
  for (const Timeline& timeline : timelines)
    digits = std::max(digits, std::to_string(std::max(0, timeline.schedule.num_micro_batches() - 1)).size());
  const double room = static_cast<double>(columns) * length / end;  // for a short one, if all is to be seen
  const double wanted = std::min(static_cast<double>(digits) + 2, room >= 1 ? std::floor(room + 1e-9) : 1.0);
  Scale scale{wanted / length, 0, room < 1};
  scale.columns = std::min(columns, scale.column(end));
  return scale;
}

std::string colored(std::string_view text, const ActionStyle& style, double part) {
  return fmt::format("\x1b[30;{}m{}\x1b[0m", part > 0 ? style.color + 60 : style.color, text);
}

std::string action_text(const ActionStyle& style, const Action& action, size_t columns, double part) {
  const char letter = part > 0 ? static_cast<char>(std::tolower(style.letter)) : style.letter;
  std::string text(columns, style.fill);
  const std::string label = letter + std::to_string(action.micro_batch);
  if (label.size() <= columns) return text.replace(0, label.size(), label);
  text[0] = letter;
  return text;
}

std::string rank_line(const Timeline& timeline, int rank, const Scale& scale, bool color) {
  const auto index = static_cast<size_t>(rank);
  const std::vector<double> parts = parts_of_actions(timeline.schedule, rank);
  std::string line;
  size_t at = 0;
  for (size_t n = 0; n < timeline.times[index].size(); ++n) {
    const ActionTime& time = timeline.times[index][n];
    const size_t begin = std::max(at, scale.column(time.begin));
    if (begin >= scale.columns) break;
    const size_t end = std::min(scale.columns, scale.column(time.end));
    if (end <= begin) continue;
    const Action& action = timeline.schedule.actions[index][n];
    const ActionStyle style = style_of(action.kind);
    const std::string text = action_text(style, action, end - begin, parts[n]);
    line += std::string(begin - at, ' ') + (color ? colored(text, style, parts[n]) : text);
    at = end;
  }
  return line + std::string(scale.columns - at, ' ');
}

std::string legend(const Schedule& schedule) {
  bool split = false;
  bool whole = false;
  for (const auto& rank : schedule.actions) {
    for (const Action& action : rank) {
      split = split || action.kind == ActionKind::weight;
      whole = whole || action.kind == ActionKind::whole_backward;
    }
  }
  std::string text = "F forward, B backward";
  if (whole && !split) text += " (whole)";
  if (split) text += " of inputs, W of weights";
  if (schedule.placement.num_routes() > 1) return text + "; small: pipelines upwards";
  if (schedule.num_stages() > schedule.num_ranks()) text += "; small: later stages of a rank";
  return text;
}

// One timeline and what stands around it.
struct Drawn {
  const Timeline& timeline;
  TimelineFacts facts;
  Margins margins;
};

std::string wrapped(const std::string& words, size_t width) {
  std::string text;
  for (const std::string& line : wrap(words, width)) text += line + "\n";
  return text;
}

std::string drawn_text(const Drawn& drawn, const Scale& scale, bool color, size_t width) {
  std::string text = wrapped(fmt::format("{}: bubble rate {:.4f}, cost {:.6g}", drawn.timeline.title,
                                         drawn.facts.bubble_rate, drawn.facts.cost),
                             width);
  for (size_t rank = 0; rank < drawn.margins.left.size(); ++rank) {
    text += drawn.margins.left[rank] + rank_line(drawn.timeline, static_cast<int>(rank), scale, color) +
            drawn.margins.right[rank] + "\n";
  }
  return text;
}

// What the lines above mean, and what they leave out.
std::string notes(const Schedule& schedule, size_t num_shown, const Scale& scale, double end, size_t width) {
  std::string text = wrapped(legend(schedule), width);
  const size_t num_ranks = schedule.actions.size();
  if (num_shown < num_ranks)
    text += wrapped(fmt::format("{} of {} ranks are shown (--rows)", num_shown, num_ranks), width);
  if (!scale.cut) return text;
  return text + wrapped(fmt::format("time 0 to {:.4g} of {:.4g} is shown: a wider terminal shows more, --svg FILE all",
                                    static_cast<double>(scale.columns) / scale.columns_per_time, end),
                        width);
}

}  // namespace

std::string terminal_picture(std::span<const Timeline> given, const TerminalPicture& options) {
  std::vector<Timeline> timelines;
  for (const Timeline& timeline : given) timelines.push_back(from_zero(timeline));
  std::vector<Drawn> all;
  double end = 0;
  size_t margin = 0;
  for (const Timeline& timeline : timelines) {
    TimelineFacts facts = facts_of(timeline);
    const size_t num_ranks = std::min(timeline.times.size(), static_cast<size_t>(std::max(1, options.most_ranks)));
    Margins margins = margins_of(timeline, facts, num_ranks);
    end = std::max(end, facts.end);
    margin = std::max(margin, margins.left_width + margins.right_width);
    all.push_back({timeline, std::move(facts), std::move(margins)});
  }
  if (all.empty()) return "";
  const size_t width = std::max(least_columns, options.width);
  const Scale scale = scale_of(timelines, end, width - margin);
  std::string text;
  for (const Drawn& drawn : all) text += drawn_text(drawn, scale, options.color, width);
  return text + notes(timelines[0].schedule, all[0].margins.left.size(), scale, end, width);
}

}  // namespace kumiko
