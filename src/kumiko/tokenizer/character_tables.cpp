#include "kumiko/tokenizer/character_tables.h"

#include <algorithm>

namespace kumiko {

bool is_in(std::span<const CharacterRange> ranges, char32_t character) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), character,
                                      [](char32_t value, const CharacterRange& range) { return value < range.first; });
  return after != ranges.begin() && character <= std::prev(after)->last;
}

char32_t lower_case(char32_t character) {
  if (character < 0x80) return character >= 'A' && character <= 'Z' ? character + ('a' - 'A') : character;
  auto range = std::upper_bound(lower_case_ranges.begin(), lower_case_ranges.end(), character,
                                [](char32_t value, const CaseRange& entry) { return value < entry.first; });
  if (range == lower_case_ranges.begin() || character > (--range)->last) return character;
  if ((character - range->first) % range->step != 0) return character;
  return static_cast<char32_t>(static_cast<int64_t>(character) + range->delta);
}

}  // namespace kumiko
