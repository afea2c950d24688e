#include "kumiko/tokenizer/normalizer.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/bpe_byte_map.h"
#include "kumiko/tokenizer/character_tables.h"
#include "kumiko/tokenizer/pre_tokenizer_regex.h"
#include "kumiko/tokenizer/pre_tokenizer_unicode.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

void lose_beginning(NormalizedText& text) {
  if (text.start == TextStart::whole) text.start = TextStart::behind;
}

// Real rules make a character 18 at most; a chain of replacements that each double a text would fill any memory.
constexpr size_t most_growth = 64, always_allowed = 4096;

size_t largest_result(size_t size) { return size > always_allowed ? size * most_growth : always_allowed * most_growth; }

void check_growth(size_t size, size_t largest) {
  if (size <= largest) return;
  throw_user(
      "the tokenizer's normalizer makes more than {} bytes of a text, {} times what it was: no normalizer that is "
      "meant "
      "seriously does; use another tokenizer.json",
      largest, most_growth);
}

class NormalizerChain : public Normalizer {
 public:
  explicit NormalizerChain(std::vector<std::unique_ptr<Normalizer>> steps) : steps_(std::move(steps)) {}
  void apply(NormalizedText& text) const override {
    const size_t largest = largest_result(text.text.size());
    for (const auto& step : steps_) {
      step->apply(text);
      check_growth(text.text.size(), largest);
    }
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(NormalizedText& text) const override {
    if (!text.text.empty() && text.start != TextStart::inside) text.text.insert(0, prefix_);
  }

 private:
  std::string prefix_;
};

// The matches of a text replaced. The first character of the result comes from the last one of the first match.
class Replacer {
 public:
  Replacer(NormalizedText& text, std::string_view content)
      : text_(text), content_(content), largest_(largest_result(text.text.size())) {}

  void replace(size_t begin, size_t end) {
    size_t length = 0;
    if (begin == 0 && end > 0) {
      decode_utf8(text_.text, 0, length);
      loses_beginning_ = content_.empty() || end > length;
    }
    result_.append(text_.text, done_, begin - done_).append(content_);
    check_growth(result_.size(), largest_);
    done_ = end;
    found_ = true;
  }
  void finish() {
    if (!found_) return;
    result_.append(text_.text, done_);
    text_.text = std::move(result_);
    if (loses_beginning_) lose_beginning(text_);
  }

 private:
  NormalizedText& text_;
  std::string_view content_;
  size_t largest_;
  std::string result_;
  size_t done_ = 0;
  bool found_ = false;
  bool loses_beginning_ = false;
};

class LiteralReplace : public Normalizer {
 public:
  LiteralReplace(std::string literal, std::string content)
      : literal_(std::move(literal)), content_(std::move(content)) {}
  void apply(NormalizedText& text) const override {
    Replacer replacer(text, content_);
    size_t at = 0;
    while ((at = text.text.find(literal_, at)) != std::string::npos) {
      replacer.replace(at, at + literal_.size());
      at += literal_.size();
    }
    replacer.finish();
  }

 private:
  std::string literal_;
  std::string content_;
};

class RegexReplace : public Normalizer {
 public:
  RegexReplace(const std::string& pattern, std::string content) : regex_(pattern), content_(std::move(content)) {}
  void apply(NormalizedText& text) const override {
    Replacer replacer(text, content_);
    regex_.find_all(text.text, [&](size_t begin, size_t end) { replacer.replace(begin, end); });
    replacer.finish();
  }

 private:
  Regex regex_;
  std::string content_;
};

class StripSpace : public Normalizer {
 public:
  StripSpace(bool left, bool right) : left_(left), right_(right) {}
  void apply(NormalizedText& text) const override {
    std::string& bytes = text.text;
    const auto is_space = [&](size_t position, size_t& length) {
      return character_class(decode_utf8(bytes, position, length)) == CharacterClass::space;
    };
    size_t length;
    while (right_ && !bytes.empty()) {
      const size_t last = previous_utf8(bytes, bytes.size());
      if (!is_space(last, length)) break;
      bytes.resize(last);
    }
    if (!left_ || text.start == TextStart::inside) return;
    size_t begin = 0;
    while (begin < bytes.size() && is_space(begin, length)) begin += length;
    if (begin == 0) return;
    bytes.erase(0, begin);
    lose_beginning(text);
  }

 private:
  bool left_;
  bool right_;
};

// Each character by itself: `change(character, result)` appends what becomes of it.
template <class Change>
class EachCharacter : public Normalizer {
 public:
  explicit EachCharacter(Change change) : change_(change) {}
  void apply(NormalizedText& text) const override {
    std::string result;
    result.reserve(text.text.size());
    size_t length;
    for (size_t position = 0; position < text.text.size(); position += length) {
      const size_t before = result.size();
      change_(decode_utf8(text.text, position, length), result);
      if (position == 0 && result.size() == before) lose_beginning(text);
    }
    text.text = std::move(result);
  }

 private:
  Change change_;
};

template <class Change>
std::unique_ptr<Normalizer> for_each_character(Change change) {
  return std::make_unique<EachCharacter<Change>>(change);
}

bool nmt_removes(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
}

bool nmt_makes_space(char32_t c) {
  return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
         c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
}

}  // namespace

std::unique_ptr<Normalizer> make_normalizer_chain(std::vector<std::unique_ptr<Normalizer>> steps) {
  if (steps.size() == 1) return std::move(steps.front());
  return std::make_unique<NormalizerChain>(std::move(steps));
}

std::unique_ptr<Normalizer> make_prepend(std::string prefix) { return std::make_unique<Prepend>(std::move(prefix)); }

std::unique_ptr<Normalizer> make_literal_replace(std::string literal, std::string content) {
  if (literal.empty()) throw_user("a normalizer that replaces an empty string would never end");
  return std::make_unique<LiteralReplace>(std::move(literal), std::move(content));
}

std::unique_ptr<Normalizer> make_regex_replace(const std::string& pattern, std::string content) {
  return std::make_unique<RegexReplace>(pattern, std::move(content));
}

std::unique_ptr<Normalizer> make_strip(bool left, bool right) { return std::make_unique<StripSpace>(left, right); }

std::unique_ptr<Normalizer> make_strip_accents() {
  return for_each_character([](char32_t character, std::string& result) {
    if (!is_in(combining_marks, character)) append_utf8(result, character);
  });
}

std::unique_ptr<Normalizer> make_lowercase() {
  return for_each_character([](char32_t character, std::string& result) {
    append_utf8(result, lower_case(character));
    // The one character that becomes two: I with a dot above.
    if (character == 0x130) append_utf8(result, 0x307);
  });
}

std::unique_ptr<Normalizer> make_nmt() {
  return for_each_character([](char32_t character, std::string& result) {
    if (!nmt_removes(character)) append_utf8(result, nmt_makes_space(character) ? U' ' : character);
  });
}

std::unique_ptr<Normalizer> make_byte_alphabet_normalizer() {
  class ByteAlphabet : public Normalizer {
   public:
    void apply(NormalizedText& text) const override { text.text = to_byte_alphabet(text.text); }
  };
  return std::make_unique<ByteAlphabet>();
}

}  // namespace kumiko
