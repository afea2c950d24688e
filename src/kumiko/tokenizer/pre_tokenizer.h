// Pre-tokenisation: cutting a text into the pieces that byte-pair encoding never joins. A cutter is one step, as
// tokenizer.json describes it; cutters are chained, each cutting the pieces of the one before.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

// Takes the pieces in order. A piece is valid only during the call.
using PieceSink = std::function<void(std::string_view piece)>;

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // `text` is well-formed UTF-8. Never hands over an empty piece. Safe from several threads at once.
  virtual void cut(std::string_view text, const PieceSink& sink) const = 0;
};

// What becomes of the parts of a text that a pattern matches ("Split" in tokenizer.json).
enum class SplitBehavior {
  isolated,  // matches and what stands between them are pieces
  removed,   // only what stands between matches
};

// `pattern` in Oniguruma's syntax. The GPT-2 and the Llama-3 patterns are recognised and run by hand-written matchers,
// the rest by Oniguruma. `inverted` exchanges matches and what stands between them. User error if `pattern` is not a
// regular expression.
std::unique_ptr<PreTokenizer> make_split(const std::string& pattern, SplitBehavior behavior, bool inverted);

// The same for a literal string.
std::unique_ptr<PreTokenizer> make_literal_split(std::string literal, SplitBehavior behavior, bool inverted);

// The ByteLevel step of tokenizer.json but for its byte alphabet: puts a space before each text that does not begin
// with one if `add_prefix_space`, then cuts with the GPT-2 pattern if `use_pattern`.
std::unique_ptr<PreTokenizer> make_byte_level(bool add_prefix_space, bool use_pattern);

std::unique_ptr<PreTokenizer> make_chain(std::vector<std::unique_ptr<PreTokenizer>> steps);

// The pattern of GPT-2 (Radford and others, 2019), which GPT-3 shares, and that of Llama 3.
extern const std::string gpt2_pattern;
extern const std::string llama3_pattern;
// Llama 3's with every digit alone, as Qwen 2 has it.
extern const std::string qwen2_pattern;

}  // namespace kumiko
