// From tokens as the vocabulary spells them to the bytes of a text: the "decoder" of tokenizer.json. What comes out is
// what the `tokenizers` package gives, but that bytes which are no character stay bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

class JsonPlace;

struct TokenDecoder {
  // Changes one token. `first`: it is the first of the text, where the mark for a space may stand for nothing.
  using Step = std::function<void(std::string& token, bool first)>;
  std::vector<Step> steps;
  // Tokens that give no text at the beginning leave it to the next to be first.
  bool first_until_text = false;

  // Then, in the whole text: up to so many `strip_character` are taken off its ends.
  std::string strip_character;
  int64_t strip_start = 0;
  int64_t strip_stop = 0;

  std::string decode(std::string_view token, bool first) const;
};

// Takes up to `left` of `character` off the beginning, and counts them; none are left once something else was seen.
void strip_beginning(std::string& text, std::string_view character, int64_t& left);
void strip_end(std::string& text, std::string_view character, int64_t count);

// The "decoder" object. User error, naming the place, for what is not supported. Tokens of bytes need none for
// ByteLevel.
TokenDecoder token_decoder_from_json(const JsonPlace& place, bool tokens_are_bytes);

}  // namespace kumiko
