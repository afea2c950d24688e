#include "kumiko/base/text_width.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace kumiko {
namespace {

struct Character {
  size_t bytes = 1;
  size_t columns = 1;
};

struct Range {
  uint32_t first;
  uint32_t last;
};

// Combining marks, zero-width joiners and variation selectors.
constexpr std::array<Range, 12> zero_width = {{{0x0300, 0x036F},
                                               {0x0483, 0x0489},
                                               {0x0591, 0x05BD},
                                               {0x0610, 0x061A},
                                               {0x064B, 0x065F},
                                               {0x1AB0, 0x1AFF},
                                               {0x1DC0, 0x1DFF},
                                               {0x200B, 0x200F},
                                               {0x20D0, 0x20FF},
                                               {0x3099, 0x309A},
                                               {0xFE00, 0xFE0F},
                                               {0xFE20, 0xFE2F}}};

// Unicode East_Asian_Width W and F, by block.
constexpr std::array<Range, 11> double_width = {{{0x1100, 0x115F},
                                                 {0x2E80, 0x303E},
                                                 {0x3041, 0xA4CF},
                                                 {0xA960, 0xA97F},
                                                 {0xAC00, 0xD7A3},
                                                 {0xF900, 0xFAFF},
                                                 {0xFE30, 0xFE6F},
                                                 {0xFF00, 0xFF60},
                                                 {0xFFE0, 0xFFE6},
                                                 {0x1F300, 0x1FAFF},
                                                 {0x20000, 0x3FFFD}}};

template <size_t size>
bool contains(const std::array<Range, size>& ranges, uint32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [code](const Range& range) { return code >= range.first && code <= range.last; });
}

Character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  size_t bytes = 0;
  if (lead >= 0xC2 && lead <= 0xDF) bytes = 2;
  if (lead >= 0xE0 && lead <= 0xEF) bytes = 3;
  if (lead >= 0xF0 && lead <= 0xF4) bytes = 4;
  if (bytes == 0 || bytes > text.size()) return {};
  uint32_t code = lead & (0x7Fu >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return {};
    code = code << 6 | (next & 0x3Fu);
  }
  if (contains(zero_width, code)) return {bytes, 0};
  return {bytes, contains(double_width, code) ? size_t{2} : size_t{1}};
}

}  // namespace

size_t display_width(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    width += character.columns;
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string pad_right(std::string_view text, size_t width) {
  const size_t present = display_width(text);
  return std::string(text) + std::string(width > present ? width - present : 0, ' ');
}

std::string pad_left(std::string_view text, size_t width) {
  const size_t present = display_width(text);
  return std::string(width > present ? width - present : 0, ' ') + std::string(text);
}

std::string_view cut_to_width(std::string_view text, size_t width) {
  size_t bytes = 0;
  size_t columns = 0;
  while (bytes < text.size()) {
    const Character character = first_character(text.substr(bytes));
    if (columns + character.columns > width) break;
    columns += character.columns;
    bytes += character.bytes;
  }
  return text.substr(0, bytes);
}

std::vector<std::string> wrap(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  while (display_width(text) > width) {
    std::string_view line = cut_to_width(text, width);
    if (line.empty()) line = text.substr(0, first_character(text).bytes);  // one character wider than the line
    // Break at the last space, unless the line happens to end where a word does.
    if (text[line.size()] != ' ') {
      const size_t space = line.find_last_of(' ');
      if (space != std::string_view::npos && space > 0) line = line.substr(0, space);
    }
    text.remove_prefix(line.size());
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    lines.emplace_back(line);
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

}  // namespace kumiko
