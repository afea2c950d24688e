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

#include "kumiko/tokenizer/normalizer.h"
#include "kumiko/tokenizer/tokenizer_added.h"
#include "kumiko/tokenizer/tokenizer_decoder.h"
#include "kumiko/tokenizer/tokenizer_model.h"
#include "kumiko/tokenizer/tokenizer_source.h"

namespace kumiko {

// The tokens with a role in a model's texts, where there are such.
struct NamedTokens {
  std::optional<int32_t> bos;
  std::optional<int32_t> eos;  // as its files name it: it may end a turn of a conversation
  std::optional<int32_t> unknown;
  std::optional<int32_t> pad;
};

// What a tokenizer is made of.
struct TokenizerParts {
  std::unique_ptr<TokenizerModel> model;
  std::vector<AddedToken> added_tokens;
  std::unique_ptr<Normalizer> normalizer;  // may be null
  TokenDecoder decoder;
  std::optional<int32_t> end_of_document;  // instead of the one that would be found by its name
  std::optional<int32_t> begin_of_text;
  NamedTokens named;
  std::vector<int32_t> end_tokens;   // besides end_of_document and named.eos
  std::vector<int32_t> special_ids;  // besides those of added tokens; no text becomes these
  bool byte_alphabet = false;        // the vocabulary's file spells bytes as bpe_byte_map.h has it
};

class Tokenizer {
 public:
  explicit Tokenizer(TokenizerParts parts);

  // The ids of `text`; nothing is put before or behind them (neither is what a post-processor of tokenizer.json would
  // add: the beginning of a text is for the caller to mark). Ill-formed UTF-8 becomes U+FFFD as Python's
  // bytes.decode(errors="replace") does it, except with the "bytes" tokenizer, which takes any bytes as they are.
  std::vector<int32_t> encode(std::string_view text) const;
  // The same, behind the ids that are there.
  void encode(std::string_view text, std::vector<int32_t>& ids, TextStart start = TextStart::whole) const;

  // The bytes of all tokens, special ones too, without the space that some tokenizers put in front of a text. encode()
  // undone, for well-formed text that no normalizer changes and without tokens that strip white space. Not always
  // well-formed UTF-8: ids may end inside a character (see TokenStream). User error for an id that is not of the
  // vocabulary.
  std::string decode(std::span<const int32_t> ids) const;

  // One more than the largest id.
  int64_t vocab_size() const;
  // Whether the vocabulary uses this id.
  bool has_token(int32_t id) const;
  // The bytes that one token stands for behind others. User error for an id that is not of the vocabulary.
  std::string_view token_bytes(int32_t id) const;
  // The same at the beginning of a text, before the decoder's strip() takes something off the whole.
  std::string first_token_bytes(int32_t id) const;
  const TokenDecoder& decoder() const;
  // The added token with this content, else the ordinary token with these bytes.
  std::optional<int32_t> find_token(std::string_view content) const;

  const std::vector<AddedToken>& added_tokens() const;
  bool is_special(int32_t id) const;

  // The id that ends a document: as it was set or found beside the file, else that of the special token <|endoftext|>,
  // <|end_of_text|>, </s>, <eos> or <\uFF5Cend\u2581of\u2581sentence\uFF5C>, the first that there is.
  std::optional<int32_t> end_of_document() const { return end_of_document_; }
  // The only end from now on. User error if no token has this content.
  void set_end_of_document(std::string_view content);
  // The same. User error if it is not of the vocabulary.
  void set_end_of_document(int32_t id);

  // All ids behind which a model has nothing more to say, each once: end_of_document(), eos_token, and every
  // eos_token_id of generation_config.json or config.json (it may be a list). Empty if there is none.
  const std::vector<int32_t>& end_tokens() const { return end_tokens_; }
  bool ends_text(int32_t id) const;

  const NamedTokens& named_tokens() const;

  // The id that the models of this tokenizer expect in front of every text, by a post-processor of tokenizer.json, the
  // add_bos_token and bos_token of tokenizer_config.json, or the .model. encode() does not put it there.
  std::optional<int32_t> begin_of_text() const { return begin_of_text_; }
  void set_begin_of_text(std::optional<int32_t> id) { begin_of_text_ = id; }

  // Whether the ids on both sides of a place that no token reaches across never depend on each other.
  bool pieces_are_independent() const;

  std::string_view kind() const;
  int64_t num_merges() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
  std::optional<int32_t> end_of_document_;
  std::optional<int32_t> begin_of_text_;
  std::vector<int32_t> end_tokens_;
};

// The rows that an embedding must have: tokens added behind the vocabulary, such as a mark for padding, may have none.
int64_t num_required_rows(const Tokenizer& tokenizer);

// User error if `tokenizer` is not that of a model with `vocab_size` rows in its embedding, which `origin` names: if
// that is less than num_required_rows(). Nothing that the model reads may hold tokens without a row
// (refuse_without_row()).
void check_vocabulary(const Tokenizer& tokenizer, int64_t vocab_size, std::string_view origin);

// User error, naming the token, if one of `ids` has no row in an embedding of `vocab_size`.
void refuse_without_row(const Tokenizer& tokenizer, std::span<const int32_t> ids, int64_t vocab_size);

// The special token that ends documents by its name, if there is one.
std::optional<int32_t> find_end_of_document(const std::vector<AddedToken>& added_tokens);

// The names under which a special token ends documents, the most telling first.
extern const std::span<const std::string_view> end_of_document_names;

// `source` is "bytes" (256 ids, each byte its own), a tokenizer.json, a SentencePiece .model, a folder that holds one
// of these, or GPT-2's pair of files: encoder.json (or vocab.json) with vocab.bpe (or merges.txt) beside it, by the
// folder or the name of the first. A prefix before these names ("gpt2-encoder.json") is taken as common to both. The
// settings in the files beside it count (tokenizer_settings.h). User error, naming the file and the place in it, for
// everything else.
Tokenizer load_tokenizer(const std::filesystem::path& source);

// The files that load_tokenizer would read (none for "bytes"), and the names under which a copy of them in a folder of
// its own is the same tokenizer again.
std::vector<TokenizerFile> tokenizer_files(const std::filesystem::path& source);

// Whether load_tokenizer() knows what to read there: "bytes", a file with the name of a tokenizer, or a folder with
// one.
bool names_tokenizer(const std::filesystem::path& source);

}  // namespace kumiko
