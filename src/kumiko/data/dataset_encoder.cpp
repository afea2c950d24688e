#include "kumiko/data/dataset_encoder.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/data/text_source.h"
#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {
namespace {

constexpr std::string_view white_space = " \t\r\n";

bool looks_at_white_space(const AddedToken& token) {
  return token.lstrip || token.rstrip || token.content.find_first_of(white_space) != std::string::npos;
}

// Whether text reaches across a place that last_safe_cut() may choose. Of a newline, anything behind it counts: whether
// the place is one depends on text that is not in the token.
bool reaches_across(std::string_view text) {
  const size_t newline = text.find('\n');
  if (newline != std::string_view::npos && text.find_first_not_of(white_space, newline) != std::string_view::npos) {
    return true;
  }
  for (size_t i = 1; i < text.size(); ++i) {
    const char before = text[i - 1];
    if (text[i] == ' ' && ((before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z'))) return true;
  }
  return false;
}

bool comes_out_the_same(const Tokenizer& tokenizer) {
  constexpr std::array<std::string_view, 7> starts = {"", " ", "\n\n", "a  ", "1", "'", "\u3002\u3000"};
  constexpr std::array<std::string_view, 8> words = {"word", "Word", "it's", "I'LL", "x", "end.", "12", "\u7d44\u5b50"};
  constexpr std::array<std::string_view, 4> ends = {"", " ", "\n", ".\n\n"};
  for (const std::string_view start : starts) {
    for (const std::string_view left : words) {
      for (const std::string_view middle : {" ", "\n"}) {
        for (const std::string_view right : words) {
          for (const std::string_view end : ends) {
            const std::string text = std::string(start).append(left).append(middle).append(right).append(end);
            const size_t cut = last_safe_cut(text);
            if (cut == 0) continue;
            std::vector<int32_t> pieces = tokenizer.encode(std::string_view(text).substr(0, cut));
            tokenizer.encode(std::string_view(text).substr(cut), pieces);
            if (pieces != tokenizer.encode(text)) return false;
          }
        }
      }
    }
  }
  return true;
}

}  // namespace

bool can_cut_documents(const Tokenizer& tokenizer) {
  const std::vector<AddedToken>& added = tokenizer.added_tokens();
  if (std::any_of(added.begin(), added.end(), looks_at_white_space)) return false;
  for (int64_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const auto token = static_cast<int32_t>(id);
    if (tokenizer.has_token(token) && reaches_across(tokenizer.token_bytes(token))) return false;
  }
  return comes_out_the_same(tokenizer);
}

DatasetEncoder make_dataset_encoder(const Tokenizer& tokenizer) {
  DatasetEncoder encoder;
  encoder.make_encode = [tokenizer] {
    return [tokenizer](std::string_view text, std::vector<int32_t>& tokens) { tokenizer.encode(text, tokens); };
  };
  encoder.vocab_size = tokenizer.vocab_size();
  encoder.end_of_document = tokenizer.end_of_document();
  encoder.can_cut_documents = can_cut_documents(tokenizer);
  return encoder;
}

}  // namespace kumiko
