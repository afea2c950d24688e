#include "kumiko/tokenizer/pre_tokenizer_unicode.h"

#include <algorithm>
#include <vector>

namespace kumiko {
namespace {

// White_Space of PropList.txt; it has not changed since Unicode 6.3.
constexpr CharacterRange spaces[] = {{0x09, 0x0D},     {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},
                                     {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
                                     {0x205F, 0x205F}, {0x3000, 0x3000}};

std::vector<CharacterClass> make_classes() {
  std::vector<CharacterClass> classes(0x110000, CharacterClass::other);
  const auto paint = [&](std::span<const CharacterRange> ranges, CharacterClass value) {
    for (const CharacterRange& range : ranges) {
      std::fill(classes.begin() + static_cast<ptrdiff_t>(range.first),
                classes.begin() + static_cast<ptrdiff_t>(range.last) + 1, value);
    }
  };
  paint(unicode_letters, CharacterClass::letter);
  paint(unicode_numbers, CharacterClass::number);
  paint(spaces, CharacterClass::space);
  return classes;
}

}  // namespace

const CharacterClass* character_classes() {
  static const std::vector<CharacterClass> classes = make_classes();
  return classes.data();
}

bool is_word_character(char32_t character) {
  const auto after = std::upper_bound(unicode_words.begin(), unicode_words.end(), character,
                                      [](char32_t value, const CharacterRange& range) { return value < range.first; });
  return after != unicode_words.begin() && character <= std::prev(after)->last;
}

}  // namespace kumiko
