#include "kumiko/data/cut_places.h"

namespace kumiko {
namespace {

bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

// Whether a three-byte UTF-8 character beginning at `at` is kana, an ideograph or Hangul (U+3040 to U+D7A3 has leads E3
// to ED; E3 80 is CJK punctuation, with the ideographic space).
bool is_east_asian(std::string_view text, size_t at) {
  if (at + 3 > text.size()) return false;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  if (byte(0) < 0xE3 || byte(0) > 0xED || (byte(1) & 0xC0) != 0x80 || (byte(2) & 0xC0) != 0x80) return false;
  return !(byte(0) == 0xE3 && byte(1) == 0x80) && !(byte(0) == 0xED && byte(1) > 0x9E);
}

bool prints_before(std::string_view text, size_t end) {
  if (end == 0) return false;
  if (text[end - 1] > 0x20 && text[end - 1] < 0x7F) return true;
  return end >= 3 && is_east_asian(text, end - 3);
}

bool begins_word(std::string_view text, size_t at) {
  return at < text.size() && (is_ascii_letter(text[at]) || is_ascii_digit(text[at]) || is_east_asian(text, at));
}

}  // namespace

size_t last_safe_cut(std::string_view text, CutPlaces places) {
  for (size_t at = text.size(); at-- > 1;) {
    if (places.at_spaces && text[at] == ' ' && at + 1 < text.size() && is_ascii_letter(text[at - 1]) &&
        is_ascii_letter(text[at + 1])) {
      return at;
    }
    if (places.at_newlines && text[at - 1] == '\n' && begins_word(text, at) && prints_before(text, at - 1)) return at;
  }
  return 0;
}

bool reaches_across_space(std::string_view token) {
  for (size_t at = token.find(' ', 1); at != std::string_view::npos; at = token.find(' ', at + 1)) {
    if (is_ascii_letter(token[at - 1]) && (at + 1 == token.size() || is_ascii_letter(token[at + 1]))) return true;
  }
  return false;
}

// What a token holds of the characters beside the newline may be a part of them.
bool reaches_across_newline(std::string_view token) {
  const auto may_print = [](char byte) { return static_cast<unsigned char>(byte) > 0x20 && byte != 0x7F; };
  const auto may_begin_word = [](char byte) {
    const auto value = static_cast<unsigned char>(byte);
    return is_ascii_letter(byte) || is_ascii_digit(byte) || (value >= 0xE3 && value <= 0xED);
  };
  for (size_t at = token.find('\n'); at != std::string_view::npos; at = token.find('\n', at + 1)) {
    if (at + 1 < token.size() && may_begin_word(token[at + 1]) && (at == 0 || may_print(token[at - 1]))) return true;
  }
  return false;
}

}  // namespace kumiko
