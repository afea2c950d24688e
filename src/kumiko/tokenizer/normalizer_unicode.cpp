// The normalizers that need utf8proc: the forms of Unicode, and SentencePiece's rules, which look at graphemes.
#include <utf8proc.h>

#include <optional>
#include <string_view>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/character_tables.h"
#include "kumiko/tokenizer/charsmap.h"
#include "kumiko/tokenizer/normalizer.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

bool is_ascii(std::string_view text) {
  for (const char byte : text) {
    if (static_cast<unsigned char>(byte) >= 0x80) return false;
  }
  return true;
}

utf8proc_option_t form_options(UnicodeForm form) {
  int options = UTF8PROC_STABLE;
  options |= form == UnicodeForm::nfc || form == UnicodeForm::nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == UnicodeForm::nfkc || form == UnicodeForm::nfkd) options |= UTF8PROC_COMPAT;
  return static_cast<utf8proc_option_t>(options);
}

class UnicodeNormalizer : public Normalizer {
 public:
  explicit UnicodeNormalizer(UnicodeForm form) : options_(form_options(form)) {}

  void apply(NormalizedText& text) const override {
    if (is_ascii(text.text)) return;
    std::string result;
    result.reserve(text.text.size());
    size_t done = 0;
    size_t length;
    for (size_t position = 0; position < text.text.size(); position += length) {
      const char32_t character = decode_utf8(text.text, position, length);
      if (character < 0x300 || !is_in(inert_characters, character)) continue;
      append(std::string_view(text.text).substr(done, position - done), result);
      append_utf8(result, character);
      done = position + length;
    }
    append(std::string_view(text.text).substr(done), result);
    text.text = std::move(result);
  }

 private:
  void append(std::string_view part, std::string& result) const {
    if (is_ascii(part)) {
      result += part;
      return;
    }
    std::vector<utf8proc_int32_t> work(2 * part.size() + 16);
    const auto decompose = [&] {
      return utf8proc_decompose(reinterpret_cast<const utf8proc_uint8_t*>(part.data()),
                                static_cast<utf8proc_ssize_t>(part.size()), work.data(),
                                static_cast<utf8proc_ssize_t>(work.size()), options_);
    };
    utf8proc_ssize_t size = decompose();
    if (size > static_cast<utf8proc_ssize_t>(work.size())) {
      work.resize(static_cast<size_t>(size));
      size = decompose();
    }
    if (size >= 0) size = utf8proc_normalize_utf32(work.data(), size, options_);
    if (size < 0) throw_internal("utf8proc does not normalise a text: {}", utf8proc_errmsg(size));
    for (utf8proc_ssize_t i = 0; i < size; ++i)
      append_utf8(result, static_cast<char32_t>(work[static_cast<size_t>(i)]));
  }

  utf8proc_option_t options_;
};

// As SentencePiece's rules are applied by the `tokenizers` package: a grapheme of less than six bytes is looked up as a
// whole, where the shortest rule that it begins with replaces all of it; otherwise each of its characters is.
class Precompiled : public Normalizer {
 public:
  explicit Precompiled(Charsmap rules) : rules_(std::move(rules)) {
    for (int byte = 0x20; byte < 0x7F; ++byte)
      plain_ascii_ = plain_ascii_ && !rules_.find(std::string(1, static_cast<char>(byte)));
  }

  void apply(NormalizedText& text) const override {
    std::string result;
    result.reserve(text.text.size());
    for (size_t begin = 0; begin < text.text.size();) {
      const size_t end = grapheme_end(text.text, begin);
      replace(std::string_view(text.text).substr(begin, end - begin), result);
      begin = end;
    }
    text.text = std::move(result);
  }

 private:
  static bool is_plain(char byte) { return byte >= 0x20 && byte < 0x7F; }

  size_t grapheme_end(std::string_view text, size_t begin) const {
    size_t length;
    char32_t before = decode_utf8(text, begin, length);
    size_t end = begin + length;
    utf8proc_int32_t state = 0;
    while (end < text.size()) {
      if (is_plain(text[end]) && before < 0x300) return end;
      const char32_t next = decode_utf8(text, end, length);
      if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before), static_cast<utf8proc_int32_t>(next),
                                           &state)) {
        return end;
      }
      before = next;
      end += length;
    }
    return end;
  }

  void replace(std::string_view grapheme, std::string& result) const {
    if (grapheme.size() == 1 && plain_ascii_ && is_plain(grapheme[0])) {
      result += grapheme;
      return;
    }
    constexpr size_t longest_looked_up = 5;
    if (grapheme.size() <= longest_looked_up) {
      if (const auto found = rules_.find(grapheme)) {
        result += *found;
        return;
      }
    }
    size_t length;
    for (size_t position = 0; position < grapheme.size(); position += length) {
      decode_utf8(grapheme, position, length);
      const std::string_view character = grapheme.substr(position, length);
      result += rules_.find(character).value_or(character);
    }
  }

  Charsmap rules_;
  bool plain_ascii_ = true;  // the rules leave printing ASCII as it is
};

}  // namespace

std::unique_ptr<Normalizer> make_unicode_normalizer(UnicodeForm form) {
  return std::make_unique<UnicodeNormalizer>(form);
}

std::unique_ptr<Normalizer> make_precompiled(std::string charsmap) {
  if (charsmap.empty()) return make_normalizer_chain({});
  return std::make_unique<Precompiled>(Charsmap::read(charsmap));
}

}  // namespace kumiko
