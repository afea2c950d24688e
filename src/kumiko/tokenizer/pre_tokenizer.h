// Pre-tokenisation: cutting a text into the pieces that no token reaches across. A cutter is one step, as
// tokenizer.json describes it; cutters are chained, each cutting the pieces of the one before.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/tokenizer/text_start.h"

namespace kumiko {

// Takes the pieces in order. A piece is valid only during the call.
using PieceSink = std::function<void(std::string_view piece)>;

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // `text` is well-formed UTF-8. Never hands over an empty piece. Safe from several threads at once.
  virtual void cut(std::string_view text, TextStart start, const PieceSink& sink) const = 0;
};

// The same for a tokenizer that may have none: then a text is one piece.
inline void cut_text(const PreTokenizer* pre_tokenizer, std::string_view text, TextStart start, const PieceSink& sink) {
  if (pre_tokenizer != nullptr) {
    pre_tokenizer->cut(text, start, sink);
  } else if (!text.empty()) {
    sink(text);
  }
}

// What becomes of the parts of a text that a pattern matches ("Split" in tokenizer.json).
enum class SplitBehavior {
  isolated,              // matches and what stands between them are pieces
  removed,               // only what stands between matches
  merged_with_previous,  // a match ends the piece before it
  merged_with_next,      // a match begins the piece behind it
  contiguous,            // matches that touch are one piece
};

// `pattern` in Oniguruma's syntax. The GPT-2 and the Llama-3 patterns are recognised and run by hand-written matchers,
// the rest by Oniguruma. `inverted` exchanges matches and what stands between them. User error if `pattern` is not a
// regular expression.
std::unique_ptr<PreTokenizer> make_split(const std::string& pattern, SplitBehavior behavior, bool inverted);

// The same for a literal string, and for each character that `matches`.
std::unique_ptr<PreTokenizer> make_literal_split(std::string literal, SplitBehavior behavior, bool inverted);
std::unique_ptr<PreTokenizer> make_character_split(bool (*matches)(char32_t), SplitBehavior behavior);

// Cuts at white space, which is dropped, and between \w and what is neither ("Whitespace" in tokenizer.json).
std::unique_ptr<PreTokenizer> make_word_split();

// The ByteLevel step of tokenizer.json: puts a space before each text that does not begin with one if
// `add_prefix_space`, then cuts with the GPT-2 pattern if `use_pattern`. Pieces are bytes, or characters of the byte
// alphabet (bpe_byte_map.h) if `spelled`.
std::unique_ptr<PreTokenizer> make_byte_level(bool add_prefix_space, bool use_pattern, bool spelled = false);

// Before which texts Metaspace puts its mark.
enum class PrependScheme { always, first, never };

// Each space becomes `mark` (one character, U+2581 as a rule), which also goes before a text that does not begin with
// it; then each mark begins a piece if `split`.
std::unique_ptr<PreTokenizer> make_metaspace(std::string mark, PrependScheme scheme, bool split);

std::unique_ptr<PreTokenizer> make_chain(std::vector<std::unique_ptr<PreTokenizer>> steps);

// The pattern of GPT-2 (Radford and others, 2019), which GPT-3 shares, and that of Llama 3.
extern const std::string gpt2_pattern;
extern const std::string llama3_pattern;
// Llama 3's with every digit alone, as Qwen 2 has it.
extern const std::string qwen2_pattern;

}  // namespace kumiko
