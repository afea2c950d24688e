#include "kumiko/train/step_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "kumiko/base/text.h"
#include "kumiko/base/text_width.h"

namespace kumiko {
namespace {

std::string compact(double value, int decimals) {
  if (!std::isfinite(value) || std::abs(value) < 1000) return fmt::format("{:.{}f}", value, decimals);
  return fmt::format("{:.2e}", value);
}

std::string milliseconds(double seconds) {
  const double value = seconds * 1e3;
  return value < 1000 ? fmt::format("{:.1f}", value) : with_thousands(std::llround(value));
}

std::string tflops(const StepMetrics& metrics) {
  const double value = metrics.flops_per_second * 1e-12;
  return fmt::format("{:.{}f}", value, value < 10 ? 3 : 1);
}

std::string utilization(const StepMetrics& metrics) {
  return metrics.utilization ? fmt::format("{:.1f}%", *metrics.utilization * 100) : "-";
}

std::string position(const StepMetrics& metrics) { return fmt::format("{}/{}", metrics.step, metrics.total_steps); }

struct Column {
  std::string name;
  std::string value;
  size_t width;
};

// In the order of a line. Where the number of steps is large, the bar alone says it.
std::vector<Column> columns(const StepMetrics& metrics) {
  constexpr int64_t most_steps_beside = 9999;
  const bool few = metrics.total_steps <= most_steps_beside;
  const size_t position_width = few ? std::max<size_t>(8, 2 * std::to_string(metrics.total_steps).size() + 1) : 8;
  return {{"step", few ? position(metrics) : std::to_string(metrics.step), position_width},
          {"loss", compact(metrics.loss, 4), 8},
          {"lr", fmt::format("{:.2e}", metrics.learning_rate), 8},
          {"grad", compact(metrics.gradient_norm, 3), 8},
          {"step ms", milliseconds(metrics.step_seconds), 7},
          {"tokens/s", with_thousands(std::llround(metrics.tokens_per_second)), 9},
          {"TFLOP/s", tflops(metrics), 7},
          {"MFU", utilization(metrics), 5},
          {"memory", human_bytes(static_cast<double>(metrics.memory_bytes)), 10}};
}

// As many of the columns, from the first on, as fit.
std::string joined(const std::vector<Column>& all, std::string Column::*field, size_t width) {
  std::string line;
  for (const Column& column : all) {
    std::string more = (line.empty() ? "" : " ") + pad_left(column.*field, column.width);
    if (!line.empty() && display_width(line) + display_width(more) > width) break;
    line += more;
  }
  return std::string(cut_to_width(line, width));
}

std::string bar(double fraction, size_t cells, const BarStyle& style) {
  const double filled = fraction * static_cast<double>(cells);
  const auto whole = static_cast<size_t>(filled);
  std::string text;
  if (style.utf8) {
    static constexpr std::array eighths = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    for (size_t i = 0; i < whole; ++i) text += "█";
    if (whole < cells) text += eighths[static_cast<size_t>((filled - static_cast<double>(whole)) * 8)];
  } else {
    text = std::string(whole, '#');
  }
  text = pad_right(text, cells);
  const char* edge = style.utf8 ? "▕" : "|";
  const char* end = style.utf8 ? "▏" : "|";
  return style.color ? fmt::format("{}\033[36m{}\033[0m{}", edge, text, end) : edge + text + end;
}

}  // namespace

std::string step_line(const StepMetrics& metrics) {
  std::string line = fmt::format(
      "step {} | loss {} | lr {:.2e} | grad norm {} | step {} ms | {} tokens/s | {} TFLOP/s | MFU {} | memory {}",
      position(metrics), compact(metrics.loss, 4), metrics.learning_rate, compact(metrics.gradient_norm, 3),
      milliseconds(metrics.step_seconds), with_thousands(std::llround(metrics.tokens_per_second)), tflops(metrics),
      utilization(metrics), human_bytes(static_cast<double>(metrics.memory_bytes)));
  if (metrics.loss_scale) {
    line += fmt::format(" | loss scale {} | {} skipped", compact(*metrics.loss_scale, 0), metrics.skipped_steps);
  }
  return line;
}

std::string step_columns(const StepMetrics& metrics, size_t width) {
  return joined(columns(metrics), &Column::value, width);
}

std::string step_columns_header(const StepMetrics& metrics, size_t width) {
  return joined(columns(metrics), &Column::name, width);
}

std::string step_notes(const StepMetrics& metrics) {
  std::string notes;
  if (metrics.overflow) {
    notes += fmt::format("step {} skipped: its gradients overflow at loss scale {}; {} skipped so far\n", metrics.step,
                         compact(metrics.loss_scale.value_or(1), 0), metrics.skipped_steps);
  } else if (metrics.skipped) {
    notes +=
        fmt::format("step {} skipped: loss or gradients are not finite; the weights stay as they were\n", metrics.step);
  }
  if (metrics.validation_loss) {
    notes += fmt::format("validation at step {}: loss {}, perplexity {}\n", metrics.step,
                         compact(*metrics.validation_loss, 4), compact(std::exp(*metrics.validation_loss), 2));
  }
  return notes;
}

std::string progress_bar(const StepMetrics& metrics, const std::string& activity, const BarStyle& style) {
  const double total = std::max<double>(1, static_cast<double>(metrics.total_steps));
  const double fraction = std::clamp(static_cast<double>(metrics.step) / total, 0.0, 1.0);
  const std::string percent = fmt::format("{:3}%", static_cast<int>(fraction * 100));
  std::string tail = position(metrics);
  if (!activity.empty()) {
    tail += ", " + activity;
  } else if (metrics.remaining_seconds) {
    tail += fmt::format(", {} left", human_seconds(*metrics.remaining_seconds));
  }
  // One column stays free: a cursor in the last one would wrap.
  constexpr size_t fixed = 4 + 1 + 2 + 1;  // percent, space, the bar's edges, space
  constexpr size_t least_cells = 5;
  constexpr size_t most_cells = 60;
  const size_t room = style.width > 0 ? style.width - 1 : 0;
  const size_t taken = fixed + display_width(tail);
  if (taken + least_cells > room) return std::string(cut_to_width(percent + " " + tail, room));
  return percent + " " + bar(fraction, std::min(most_cells, room - taken), style) + " " + tail;
}

}  // namespace kumiko
