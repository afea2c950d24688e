#include "kumiko/train/summary.h"

#include <algorithm>
#include <string_view>

#include "kumiko/base/text_width.h"

namespace kumiko {
namespace {

struct Strokes {
  const char* horizontal;
  const char* vertical;
  const char* top_left;
  const char* top_right;
  const char* middle_left;
  const char* middle_right;
  const char* bottom_left;
  const char* bottom_right;
};
constexpr Strokes unicode_strokes = {"─", "│", "╭", "╮", "├", "┤", "╰", "╯"};
constexpr Strokes ascii_strokes = {"-", "|", "+", "+", "+", "+", "+", "+"};

// "├─ title ─────┤", `inner` columns between the corners.
std::string ruled(const Strokes& strokes, const char* left, const char* right, std::string_view title, size_t inner) {
  std::string line = left;
  size_t drawn = 0;
  if (!title.empty()) {
    const std::string_view shown = cut_to_width(title, inner - std::min<size_t>(inner, 4));
    line += strokes.horizontal + (" " + std::string(shown)) + " ";
    drawn = display_width(shown) + 3;
  }
  for (; drawn < inner; ++drawn) line += strokes.horizontal;
  return line + right + '\n';
}

}  // namespace

std::string render_box(const std::string& title, const std::vector<SummarySection>& sections, const BoxStyle& style) {
  const Strokes& strokes = style.utf8 ? unicode_strokes : ascii_strokes;
  constexpr size_t gap = 2;     // between key and value
  constexpr size_t margin = 1;  // within the box, on both sides
  constexpr size_t least_value_width = 12;
  constexpr size_t least_text_width = 8;
  constexpr size_t edges = 2 + 2 * margin;
  size_t key_width = 0;
  size_t value_width = 0;
  size_t title_width = display_width(title);
  for (const SummarySection& section : sections) {
    if (section.rows.empty()) continue;
    title_width = std::max(title_width, display_width(section.title));
    for (const SummaryRow& row : section.rows) {
      key_width = std::max(key_width, display_width(row.key));
      value_width = std::max(value_width, display_width(row.value));
    }
  }
  const size_t room = std::max(style.max_width, edges + least_text_width) - edges;  // for the text of a line
  // On a narrow screen a value stands below its key.
  const bool stacked = room < key_width + gap + std::min(value_width, least_value_width);
  const size_t begin = stacked ? gap : key_width + gap;  // of a value
  const size_t needed = stacked ? std::max(key_width, gap + value_width) : begin + value_width;
  const size_t text_width = std::max(std::min(needed, room), std::min(title_width + 4 - 2 * margin, room));
  const size_t inner = text_width + 2 * margin;

  std::string box = ruled(strokes, strokes.top_left, strokes.top_right, title, inner);
  const auto add_line = [&](std::string_view text) {
    box += strokes.vertical + std::string(margin, ' ') + pad_right(text, text_width) + std::string(margin, ' ') +
           strokes.vertical + '\n';
  };
  bool first = true;
  for (const SummarySection& section : sections) {
    if (section.rows.empty()) continue;
    if (!first || !section.title.empty()) {
      box += ruled(strokes, strokes.middle_left, strokes.middle_right, section.title, inner);
    }
    first = false;
    for (const SummaryRow& row : section.rows) {
      std::string key = row.key;
      if (stacked && !key.empty()) {
        for (const std::string& line : wrap(key, text_width)) add_line(line);
        key.clear();
      }
      for (const std::string& line : wrap(row.value, text_width - begin)) {
        add_line(pad_right(key, begin) + line);
        key.clear();
      }
    }
  }
  return box + ruled(strokes, strokes.bottom_left, strokes.bottom_right, "", inner);
}

}  // namespace kumiko
