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
  const size_t fixed = 2 + 2 * margin + key_width + gap;
  const size_t room = style.max_width > fixed ? style.max_width - fixed : 0;
  value_width = std::min(value_width, std::max(room, least_value_width));
  const size_t title_inner = std::min(title_width + 4, style.max_width - std::min<size_t>(style.max_width, 2));
  const size_t inner = std::max(fixed - 2 + value_width, title_inner);
  value_width = inner + 2 - fixed;

  std::string box = ruled(strokes, strokes.top_left, strokes.top_right, title, inner);
  bool first = true;
  for (const SummarySection& section : sections) {
    if (section.rows.empty()) continue;
    if (!first || !section.title.empty()) {
      box += ruled(strokes, strokes.middle_left, strokes.middle_right, section.title, inner);
    }
    first = false;
    for (const SummaryRow& row : section.rows) {
      std::string key = row.key;
      for (const std::string& line : wrap(row.value, value_width)) {
        box += strokes.vertical + std::string(margin, ' ') + pad_right(key, key_width + gap) +
               pad_right(line, value_width) + std::string(margin, ' ') + strokes.vertical + '\n';
        key.clear();
      }
    }
  }
  return box + ruled(strokes, strokes.bottom_left, strokes.bottom_right, "", inner);
}

}  // namespace kumiko
