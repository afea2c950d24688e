#include "kumiko/text/json_object.h"

#include <fmt/core.h>

#include <optional>
#include <vector>

#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

class JsonReader {
 public:
  JsonReader(std::string_view text, size_t position) : text_(text), at_(position) {}

  size_t position() const { return at_; }

  [[noreturn]] void fail(std::string reason) const { throw BadJson{at_, false, std::move(reason)}; }

  void skip_blank() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r' || text_[at_] == '\n'))
      ++at_;
  }
  char peek() {
    skip_blank();
    if (at_ == text_.size()) fail("it ends too early");
    return text_[at_];
  }
  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!take(wanted)) fail(fmt::format("expected '{}'", wanted));
  }

  // Behind its first quote. `out`: where its characters go; may be null.
  void string(std::string* out, int64_t* half_surrogates = nullptr) {
    expect('"');
    while (true) {
      const size_t plain = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20)
        ++at_;
      if (out != nullptr) out->append(text_, plain, at_ - plain);
      if (at_ == text_.size()) fail("it ends inside a string");
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return;
      }
      if (c != '\\') {
        fail(fmt::format("the control character 0x{:02X} stands in a string; expected an escape, as \\n", c));
      }
      escape(out, half_surrogates);
    }
  }

  // Iterative, so that no depth can overflow the stack.
  void skip_value() {
    std::vector<char> open;  // '{' or '['
    while (true) {
      const char c = peek();
      if (c == '{' || c == '[') {
        ++at_;
        open.push_back(c);
        if (!take(closing(c))) {
          if (c == '{') key(nullptr);
          continue;
        }
        open.pop_back();
      } else if (c == '"') {
        string(nullptr);
      } else {
        scalar();
      }
      // Behind a value.
      while (!open.empty() && take(closing(open.back()))) open.pop_back();
      if (open.empty()) return;
      if (!take(',')) fail(fmt::format("expected ',' or '{}'", closing(open.back())));
      if (open.back() == '{') key(nullptr);
    }
  }

  void key(std::string* name) {
    if (peek() != '"') fail("expected a key in quotes");
    string(name);
    expect(':');
  }

 private:
  static char closing(char open) { return open == '{' ? '}' : ']'; }

  uint32_t four_digits() {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ == text_.size()) fail("it ends inside a string");
      const char c = text_[at_];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("expected four hexadecimal digits behind \\u");
      value = value * 16 + static_cast<uint32_t>(digit);
    }
    return value;
  }

  void escape(std::string* out, int64_t* half_surrogates) {
    ++at_;
    if (at_ == text_.size()) fail("it ends inside a string");
    constexpr std::string_view names = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const char c = text_[at_];
    if (c != 'u') {
      const size_t known = names.find(c);
      if (known == std::string_view::npos) fail("an unknown escape in a string");
      ++at_;
      if (out != nullptr) *out += meanings[known];
      return;
    }
    ++at_;
    char32_t character = four_digits();
    if (character >= 0xD800 && character < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      const size_t before = at_;
      at_ += 2;
      const uint32_t low = four_digits();
      if (low >= 0xDC00 && low < 0xE000) {
        character = 0x10000 + ((character - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ = before;
      }
    }
    if (character >= 0xD800 && character < 0xE000) {
      character = U'\uFFFD';
      if (half_surrogates != nullptr) ++*half_surrogates;
    }
    if (out != nullptr) append_utf8(*out, character);
  }

  bool digits() {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > begin;
  }

  void scalar() {
    for (const std::string_view word : {"true", "false", "null", "NaN", "Infinity", "-Infinity"}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return;
      }
      // The text ends inside the word: its end is the place, as of all that is cut off.
      if (text_.size() - at_ < word.size() && word.starts_with(text_.substr(at_))) {
        at_ = text_.size();
        fail("it ends too early");
      }
    }
    if (text_[at_] == '-') ++at_;
    const bool zero = at_ < text_.size() && text_[at_] == '0';
    if (zero) {
      ++at_;
    } else if (!digits()) {
      fail("expected a value");
    }
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      if (!digits()) fail("expected digits behind the point");
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (!digits()) fail("expected digits in the exponent");
    }
  }

  std::string_view text_;
  size_t at_;
};

std::string_view type_of(char first) {
  switch (first) {
    case '{':
      return "object";
    case '[':
      return "array";
    case 't':
    case 'f':
      return "boolean";
    case 'n':
      return "null";
    default:
      return "number";
  }
}

// Looks for one text in an object: under the key as it is, and along it as a path.
class KeySearch {
 public:
  KeySearch(JsonReader& reader, std::string_view key) : reader_(reader), key_(key) {}

  void object(std::string_view rest, bool whole_key, int depth) {
    reader_.expect('{');
    if (reader_.take('}')) return;
    std::string name;
    do {
      name.clear();
      reader_.key(&name);
      const char first = reader_.peek();
      const size_t dot = rest.find('.');
      if (whole_key && name == key_) {
        take_text(literal_, first);
      } else if (!rest.empty() && !whole_key && name == rest) {
        take_text(nested_, first);
      } else if (first == '{' && depth < most_depth && dot != std::string_view::npos && name == rest.substr(0, dot)) {
        object(rest.substr(dot + 1), false, depth + 1);
      } else {
        reader_.skip_value();
      }
    } while (reader_.take(','));
    reader_.expect('}');
  }

  struct Found {
    int times = 0;
    std::string text;
    int64_t half_surrogates = 0;
    char first = '\0';
  };
  Found& found() { return literal_.times > 0 ? literal_ : nested_; }

 private:
  static constexpr int most_depth = 64;

  void take_text(Found& found, char first) {
    ++found.times;
    found.first = first;
    if (first != '"') return reader_.skip_value();
    found.text.clear();
    reader_.string(&found.text, &found.half_surrogates);
  }

  JsonReader& reader_;
  std::string_view key_;
  Found literal_;
  Found nested_;
};

// The keys of strings in an object that is known to be JSON, those of objects in it with dots.
void collect_keys(JsonReader& reader, const std::string& prefix, int depth, std::vector<std::string>& keys) {
  reader.expect('{');
  if (reader.take('}')) return;
  do {
    std::string name;
    reader.key(&name);
    name = prefix + name;
    const char first = reader.peek();
    if (first == '{' && depth < 3) {
      collect_keys(reader, name + ".", depth + 1, keys);
      continue;
    }
    if (first == '"' && keys.size() < 12) keys.push_back(name);
    reader.skip_value();
  } while (reader.take(','));
  reader.expect('}');
}

std::string keys_with_text(std::string_view text, size_t begin) {
  std::vector<std::string> keys;
  JsonReader reader(text, begin);
  collect_keys(reader, "", 0, keys);
  std::string list;
  for (const std::string& key : keys) list += (list.empty() ? "" : ", ") + key;
  return list.empty() ? "none" : list;
}

}  // namespace

JsonText read_json_text(std::string_view text, size_t begin, std::string_view key) {
  JsonReader reader(text, begin);
  KeySearch search(reader, key);
  search.object(key, true, 0);
  KeySearch::Found& found = search.found();
  if (found.times == 0) {
    throw BadJson{begin, true,
                  fmt::format("no key \"{}\"; keys with text in this line: {}; choose one with --json-key", key,
                              keys_with_text(text, begin))};
  }
  if (found.times > 1) {
    throw BadJson{begin, true, fmt::format("the key \"{}\" is given {} times; expected it once", key, found.times)};
  }
  if (found.first != '"') {
    throw BadJson{begin, true,
                  fmt::format("\"{}\" is a JSON {}; expected a string; keys with text in this line: {}", key,
                              type_of(found.first), keys_with_text(text, begin))};
  }
  return {std::move(found.text), reader.position(), found.half_surrogates};
}

size_t json_value_end(std::string_view text, size_t begin) {
  JsonReader reader(text, begin);
  reader.skip_value();
  return reader.position();
}

}  // namespace kumiko
