#include "kumiko/data/dataset_encoder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {
namespace {

constexpr std::string_view white_space = " \t\r\n";

// White space on the left of a token that begins with no letter or digit is no place to cut.
bool looks_at_white_space(const AddedToken& token) {
  const auto first = static_cast<unsigned char>(token.content.front());
  const bool begins_word = std::isalnum(first) != 0 || first >= 0x80;
  return token.rstrip || (token.lstrip && begins_word) || token.content.find_first_of(white_space) != std::string::npos;
}

bool comes_out_the_same(const Tokenizer& tokenizer, CutPlaces places) {
  constexpr std::array<std::string_view, 7> starts = {"", " ", "\n\n", "a  ", "1", "'", "\u3002\u3000"};
  constexpr std::array<std::string_view, 9> words = {"word", "Word", "it's",         "I'LL",        "x",
                                                     "end.", "12",   "\u7d44\u5b50", "\u9f98\ud55c"};
  constexpr std::array<std::string_view, 4> ends = {"", " ", "\n", ".\n\n"};
  for (const std::string_view start : starts) {
    for (const std::string_view left : words) {
      for (const std::string_view middle : {" ", "\n"}) {
        for (const std::string_view right : words) {
          for (const std::string_view end : ends) {
            const std::string text = std::string(start).append(left).append(middle).append(right).append(end);
            const size_t cut = last_safe_cut(text, places);
            if (cut == 0) continue;
            std::vector<int32_t> pieces = tokenizer.encode(std::string_view(text).substr(0, cut));
            tokenizer.encode(std::string_view(text).substr(cut), pieces, TextStart::inside);
            if (pieces != tokenizer.encode(text)) return false;
          }
        }
      }
    }
  }
  return true;
}

}  // namespace

CutPlaces find_cut_places(const Tokenizer& tokenizer) {
  const std::vector<AddedToken>& added = tokenizer.added_tokens();
  if (!tokenizer.pieces_are_independent() || std::any_of(added.begin(), added.end(), looks_at_white_space)) return {};
  CutPlaces places{.at_spaces = true, .at_newlines = true};
  for (int64_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const auto token = static_cast<int32_t>(id);
    if (!tokenizer.has_token(token)) continue;
    if (reaches_across_space(tokenizer.token_bytes(token))) places.at_spaces = false;
    if (reaches_across_newline(tokenizer.token_bytes(token))) places.at_newlines = false;
  }
  places.at_spaces = places.at_spaces && comes_out_the_same(tokenizer, {.at_spaces = true});
  places.at_newlines = places.at_newlines && comes_out_the_same(tokenizer, {.at_newlines = true});
  return places;
}

DatasetEncoder make_dataset_encoder(const Tokenizer& tokenizer) {
  DatasetEncoder encoder;
  encoder.make_encode = [tokenizer] {
    return [tokenizer](std::string_view text, TextStart start, std::vector<int32_t>& tokens) {
      tokenizer.encode(text, tokens, start);
    };
  };
  encoder.vocab_size = tokenizer.vocab_size();
  encoder.end_of_document = tokenizer.end_of_document();
  encoder.cut_places = find_cut_places(tokenizer);
  return encoder;
}

}  // namespace kumiko
