// Text on a grid of character cells: how many columns UTF-8 text takes, and cutting and padding by columns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

// Columns on a terminal: 2 for East Asian wide characters and emoji, 0 for combining marks, else 1. A byte that is not
// UTF-8 counts 1.
size_t display_width(std::string_view text);

// `text` followed (or led) by spaces up to `width` columns; unchanged if it is already wider.
std::string pad_right(std::string_view text, size_t width);
std::string pad_left(std::string_view text, size_t width);

// The longest beginning of `text` that takes at most `width` columns; never half a character.
std::string_view cut_to_width(std::string_view text, size_t width);

// Lines of at most `width` columns (at least 1), broken at spaces where possible, else anywhere. Never empty.
std::vector<std::string> wrap(std::string_view text, size_t width);

}  // namespace kumiko
