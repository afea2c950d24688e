#include "kumiko/tokenizer/bpe_corpus.h"

#include "kumiko/tokenizer/pre_tokenizer_unicode.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

constexpr size_t growth_limit = 16;

// Whether a whole character that is not white space stands at, or ends before, a position. Ill-formed bytes are none,
// which is what the U+FFFD that they become would be.
bool solid_at(std::string_view text, size_t position) {
  const Utf8Unit unit = utf8_unit(text, position);
  if (unit.cut_off) return false;
  size_t length;
  return !unit.well_formed || character_class(decode_utf8(text, position, length)) != CharacterClass::space;
}

bool solid_before(std::string_view text, size_t position) {
  return position > 0 && solid_at(text, previous_utf8(text, position));
}

}  // namespace

size_t last_piece_boundary(std::string_view text) {
  for (size_t position = text.size(); position-- > 1;) {
    if (text[position] == ' ') {
      if (position + 1 < text.size() && solid_at(text, position + 1) && solid_before(text, position)) return position;
    } else if (text[position - 1] == '\n') {
      if (solid_at(text, position) && solid_before(text, position - 1)) return position;
    }
  }
  return 0;
}

// Where the last whole character ends.
static size_t last_character_end(std::string_view text) {
  const size_t last = previous_utf8(text, text.size());
  return utf8_unit(text, last).cut_off && last > 0 ? last : text.size();
}

size_t corpus_cut(std::string_view text, size_t chunk_bytes) {
  const size_t cut = last_piece_boundary(text);
  return cut == 0 && text.size() >= growth_limit * chunk_bytes ? last_character_end(text) : cut;
}

}  // namespace kumiko
