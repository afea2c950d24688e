#include "kumiko/tokenizer/pre_tokenizer_scan.h"

#include "kumiko/tokenizer/pre_tokenizer_unicode.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

using enum CharacterClass;

// A reader over well-formed UTF-8. Beyond the end every question is answered with "no".
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), classes_(character_classes()) {}

  size_t size() const { return text_.size(); }
  bool is(size_t position, CharacterClass wanted) const {
    if (position >= text_.size()) return false;
    size_t length;
    return classes_[decode_utf8(text_, position, length)] == wanted;
  }
  bool has(size_t position, char ascii) const { return position < text_.size() && text_[position] == ascii; }
  bool has_newline(size_t position) const { return has(position, '\n') || has(position, '\r'); }

  CharacterClass class_at(size_t position, size_t& length) const {
    return classes_[decode_utf8(text_, position, length)];
  }

  // The end of the longest run of `wanted` from `position`.
  size_t run_end(size_t position, CharacterClass wanted) const {
    size_t length;
    while (position < text_.size() && class_at(position, length) == wanted) position += length;
    return position;
  }

  // `\s+(?!\S)|\s+` on the run of white space [begin, end): all of it at the end of the text, else all but its last
  // character, which stays for the next piece, unless it is the only one.
  size_t space_piece_end(size_t begin, size_t end) const {
    if (end == text_.size()) return end;
    const size_t last = previous_utf8(text_, end);
    return last > begin ? last : end;
  }

  // `'s|'t|'re|'ve|'m|'ll|'d` behind an apostrophe at `position`: bytes of the match, 0 for none.
  size_t contraction(size_t position, bool any_case) const {
    const char first = letter(position + 1, any_case);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    const char second = letter(position + 2, any_case);
    if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l')) return 3;
    // Without regard to case, U+017F (long s) is an s.
    if (any_case && has(position + 1, '\xC5') && has(position + 2, '\xBF')) return 3;
    return 0;
  }

 private:
  char letter(size_t position, bool any_case) const {
    if (position >= text_.size()) return '\0';
    const char value = text_[position];
    return any_case && value >= 'A' && value <= 'Z' ? static_cast<char>(value - 'A' + 'a') : value;
  }

  std::string_view text_;
  const CharacterClass* classes_;
};

}  // namespace

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t gpt2_piece_end(std::string_view text, size_t begin) {
  const Scanner scan(text);
  if (text[begin] == '\'') {
    if (const size_t length = scan.contraction(begin, false)) return begin + length;
  }
  size_t length;
  CharacterClass kind = scan.class_at(begin, length);
  size_t position = begin + length;
  if (text[begin] == ' ' && position < text.size()) {
    kind = scan.class_at(position, length);
    position += length;
  }
  if (kind != space) return scan.run_end(position, kind);
  return scan.space_piece_end(begin, scan.run_end(position, space));
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
size_t llama3_piece_end(std::string_view text, size_t begin, int max_digits) {
  const Scanner scan(text);
  if (text[begin] == '\'') {
    if (const size_t length = scan.contraction(begin, true)) return begin + length;
  }
  size_t length;
  const CharacterClass kind = scan.class_at(begin, length);
  const size_t second = begin + length;
  if (kind == letter) return scan.run_end(second, letter);
  if (kind != number && !scan.has_newline(begin) && scan.is(second, letter)) return scan.run_end(second, letter);
  if (kind == number) {
    size_t position = second;
    for (int digits = 1; digits < max_digits && scan.is(position, number); ++digits) {
      scan.class_at(position, length);
      position += length;
    }
    return position;
  }
  if (kind == other || (text[begin] == ' ' && scan.is(second, other))) {
    size_t position = scan.run_end(second, other);
    while (scan.has_newline(position)) ++position;
    return position;
  }
  const size_t end = scan.run_end(second, space);
  for (size_t position = end; position > begin; --position) {
    if (scan.has_newline(position - 1)) return position;
  }
  return scan.space_piece_end(begin, end);
}

}  // namespace kumiko
