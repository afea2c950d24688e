// Tables of characters as the `tokenizers` package knows them, which mixes several versions of Unicode. Generated from
// the package by scripts/make_character_tables.py.
#pragma once

#include <cstdint>
#include <span>

#include "kumiko/tokenizer/pre_tokenizer_unicode.h"

namespace kumiko {

// In ascending order.
extern const std::span<const CharacterRange> punctuation;      // the Punctuation pre-tokenizer
extern const std::span<const CharacterRange> combining_marks;  // what StripAccents removes
// Characters that a newer Unicode decomposes, composes or reorders, and the package leaves as they are.
extern const std::span<const CharacterRange> inert_characters;

// Every `step`-th character from `first` to `last` has its lower case `delta` further.
struct CaseRange {
  char32_t first;
  char32_t last;
  int32_t delta;
  uint32_t step;
};
extern const std::span<const CaseRange> lower_case_ranges;

bool is_in(std::span<const CharacterRange> ranges, char32_t character);

// U+0130 gives the first of its two.
char32_t lower_case(char32_t character);

}  // namespace kumiko
