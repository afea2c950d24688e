// Text to token ids and back. A Tokenizer is a cheap handle on something immutable: copy it, use it from many threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/tokenizer/tokenizer_added.h"
#include "kumiko/tokenizer/tokenizer_model.h"

namespace kumiko {

class Tokenizer {
 public:
  Tokenizer(std::unique_ptr<TokenizerModel> model, std::vector<AddedToken> added_tokens);

  // The ids of `text`; nothing is put before or behind them. Ill-formed UTF-8 becomes U+FFFD as Python's
  // bytes.decode(errors="replace") does it, except with the "bytes" tokenizer, which takes any bytes as they are.
  std::vector<int32_t> encode(std::string_view text) const;
  // The same, behind the ids that are there.
  void encode(std::string_view text, std::vector<int32_t>& ids) const;

  // The bytes of all tokens, special ones too. encode() undone, for well-formed text without tokens that strip white
  // space. Not always well-formed UTF-8: ids may end inside a character (see TokenStream). User error for an id that is
  // not of the vocabulary.
  std::string decode(std::span<const int32_t> ids) const;

  // One more than the largest id.
  int64_t vocab_size() const;
  // Whether the vocabulary uses this id.
  bool has_token(int32_t id) const;
  // The bytes that one token stands for. User error for an id that is not of the vocabulary.
  std::string_view token_bytes(int32_t id) const;
  // The added token with this content, else the ordinary token with these bytes.
  std::optional<int32_t> find_token(std::string_view content) const;

  const std::vector<AddedToken>& added_tokens() const;
  bool is_special(int32_t id) const;

  // The id that ends a document: that of <|endoftext|>, <|end_of_text|> or </s>, whichever is a special token.
  std::optional<int32_t> end_of_document() const;

  std::string_view kind() const;
  int64_t num_merges() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

// `source` is "bytes" (256 ids, each byte its own), a tokenizer.json, a folder that holds one, or GPT-2's pair of
// files: encoder.json (or vocab.json) with vocab.bpe (or merges.txt) beside it, by the folder or the name of the first.
// A prefix before these names ("gpt2-encoder.json") is taken as common to both. User error, naming the file and the
// place in it, for everything else.
Tokenizer load_tokenizer(const std::filesystem::path& source);

// The files that load_tokenizer would read (none for "bytes"), and the names under which a copy of them in a folder of
// its own is a tokenizer again.
struct TokenizerFile {
  std::filesystem::path path;
  std::string plain_name;
};
std::vector<TokenizerFile> tokenizer_files(const std::filesystem::path& source);

}  // namespace kumiko
