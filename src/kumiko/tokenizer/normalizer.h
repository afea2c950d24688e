// Normalisation: rewriting a text before it is cut into pieces. A normalizer is one step, as tokenizer.json describes
// it; each gives what the `tokenizers` package gives.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kumiko/tokenizer/text_start.h"

namespace kumiko {

struct NormalizedText {
  std::string text;  // well-formed UTF-8
  // As the text came; `whole` becomes `behind` where a step removes the first character.
  TextStart start = TextStart::whole;
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  // Safe from several threads at once.
  virtual void apply(NormalizedText& text) const = 0;
};

std::unique_ptr<Normalizer> make_normalizer_chain(std::vector<std::unique_ptr<Normalizer>> steps);

// Puts `prefix` before a text that is not empty and not TextStart::inside.
std::unique_ptr<Normalizer> make_prepend(std::string prefix);

// `content` for every occurrence of `literal`, or for every match of `pattern` (Oniguruma's syntax; user error if it is
// not a regular expression).
std::unique_ptr<Normalizer> make_literal_replace(std::string literal, std::string content);
std::unique_ptr<Normalizer> make_regex_replace(const std::string& pattern, std::string content);

// White space at either end. The left of a text that is TextStart::inside is left alone.
std::unique_ptr<Normalizer> make_strip(bool left, bool right);

// Removes combining marks, those of the package's Unicode.
std::unique_ptr<Normalizer> make_strip_accents();

std::unique_ptr<Normalizer> make_lowercase();

// The control characters and kinds of space that SentencePiece's "nmt" rules remove or make plain.
std::unique_ptr<Normalizer> make_nmt();

// Each byte becomes its character of the byte alphabet (bpe_byte_map.h).
std::unique_ptr<Normalizer> make_byte_alphabet_normalizer();

// The four normalisation forms of Unicode. User error in a build without utf8proc.
enum class UnicodeForm { nfc, nfd, nfkc, nfkd };
std::unique_ptr<Normalizer> make_unicode_normalizer(UnicodeForm form);

// The rules that SentencePiece compiles into a double-array trie: `charsmap` is u32 size of the trie in bytes, the
// trie, and the replacements, each ended by a zero byte. "" changes nothing. User error if it is damaged, or in a build
// without utf8proc.
std::unique_ptr<Normalizer> make_precompiled(std::string charsmap);

}  // namespace kumiko
