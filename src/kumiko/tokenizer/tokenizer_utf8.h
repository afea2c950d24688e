// UTF-8 as the tokenizers need it: what is ill-formed becomes U+FFFD exactly as Python's bytes.decode(errors="replace")
// does it, one replacement for each maximal subpart of an ill-formed sequence (Unicode 16, section 3.9, table 3-8).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kumiko {

// What stands at one position of a text.
struct Utf8Unit {
  size_t length;  // bytes: of a whole character, or of the maximal ill-formed subpart; at least 1
  bool well_formed;
  bool cut_off;  // ill-formed only because the text ends inside the character
};
Utf8Unit utf8_unit(std::string_view text, size_t position);

// The first byte that does not belong to a well-formed character, or text.size().
size_t well_formed_utf8_prefix(std::string_view text);

std::string replace_ill_formed_utf8(std::string_view text);

void append_utf8(std::string& text, char32_t character);

// The character at `position` of a well-formed text; `length` becomes its number of bytes.
inline char32_t decode_utf8(std::string_view text, size_t position, size_t& length) {
  const auto byte = [&](size_t offset) { return static_cast<unsigned char>(text[position + offset]); };
  const char32_t lead = byte(0);
  if (lead < 0x80) {
    length = 1;
    return lead;
  }
  if (lead < 0xE0) {
    length = 2;
    return (lead & 0x1F) << 6 | (byte(1) & 0x3F);
  }
  if (lead < 0xF0) {
    length = 3;
    return (lead & 0x0F) << 12 | char32_t{byte(1) & 0x3Fu} << 6 | (byte(2) & 0x3F);
  }
  length = 4;
  return (lead & 0x07) << 18 | char32_t{byte(1) & 0x3Fu} << 12 | char32_t{byte(2) & 0x3Fu} << 6 | (byte(3) & 0x3F);
}

// Where the character that ends just before `position` (> 0) of a well-formed text begins.
inline size_t previous_utf8(std::string_view text, size_t position) {
  do {
    --position;
  } while (position > 0 && (static_cast<unsigned char>(text[position]) & 0xC0) == 0x80);
  return position;
}

}  // namespace kumiko
