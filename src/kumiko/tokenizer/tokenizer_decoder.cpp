#include "kumiko/tokenizer/tokenizer_decoder.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "kumiko/base/json_place.h"
#include "kumiko/tokenizer/bpe_byte_map.h"
#include "kumiko/tokenizer/pre_tokenizer_regex.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  size_t done = 0;
  for (size_t at = text.find(from); at != std::string_view::npos; at = text.find(from, done)) {
    result.append(text.substr(done, at - done)).append(to);
    done = at + from.size();
  }
  return result.append(text.substr(done));
}

std::string replace_matches(const Regex& regex, std::string_view text, std::string_view to) {
  std::string result;
  size_t done = 0;
  regex.find_all(text, [&](size_t begin, size_t end) {
    result.append(text.substr(done, begin - done)).append(to);
    done = end;
  });
  return result.append(text.substr(done));
}

std::optional<unsigned char> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  int value = 0;
  for (const char digit : token.substr(3, 2)) {
    value *= 16;
    if (digit >= '0' && digit <= '9') {
      value += digit - '0';
    } else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f') {
      value += (digit | 0x20) - 'a' + 10;
    } else {
      return std::nullopt;
    }
  }
  return static_cast<unsigned char>(value);
}

std::string one_character(const JsonPlace& place) {
  std::string text = place.string();
  if (text.empty() || utf8_unit(text, 0).length != text.size()) place.fail("one character");
  return text;
}

class DecoderReader {
 public:
  explicit DecoderReader(bool tokens_are_bytes) : tokens_are_bytes_(tokens_are_bytes) {}

  void read(const JsonPlace& place) {
    const std::string type = place["type"].string();
    if (type == "Sequence") {
      for (const JsonPlace& step : place["decoders"].elements()) read(step);
    } else if (type == "Replace") {
      read_replace(place);
    } else if (type == "Strip") {
      read_strip(place);
    } else if (type == "ByteLevel") {
      if (!tokens_are_bytes_) {
        add([](std::string& token, bool) {
          if (auto bytes = from_byte_alphabet(token)) token = std::move(*bytes);
        });
      }
      fused_ = true;
    } else if (type == "ByteFallback") {
      if (fused_) refuse_behind_fuse(place);
      add([](std::string& token, bool) {
        if (const auto byte = byte_of_token(token)) token.assign(1, static_cast<char>(*byte));
      });
    } else if (type == "Fuse") {
      fused_ = true;
    } else if (type == "Metaspace") {
      read_metaspace(place);
    } else {
      place["type"].fail(
          "ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip or a Sequence of these; other kinds of decoder are "
          "not supported");
    }
  }

  TokenDecoder take() { return std::move(decoder_); }

 private:
  void add(TokenDecoder::Step step) { decoder_.steps.push_back(std::move(step)); }

  [[noreturn]] static void refuse_behind_fuse(const JsonPlace& place) {
    place["type"].fail("nothing behind Fuse but one Strip and Replace of one character; this is not supported there");
  }

  void read_replace(const JsonPlace& place) {
    const JsonPlace pattern = place["pattern"];
    std::string to = place["content"].string();
    if (pattern.has("String")) {
      std::string from = pattern["String"].string();
      if (from.empty()) pattern["String"].fail("a string with at least one character");
      if (fused_ && utf8_unit(from, 0).length != from.size()) refuse_behind_fuse(place);
      add([from, to](std::string& token, bool) { token = replace_all(token, from, to); });
      return;
    }
    if (!pattern.has("Regex")) pattern.fail("{\"Regex\": ...} or {\"String\": ...}");
    if (fused_) refuse_behind_fuse(place);
    if (to.find('$') != std::string::npos) place["content"].fail("no $: groups of a match are not supported");
    add([regex = Regex(pattern["Regex"].string()), to](std::string& token, bool) {
      token = replace_matches(regex, token, to);
    });
  }

  void read_strip(const JsonPlace& place) {
    const std::string character = one_character(place["content"]);
    const int64_t start = place["start"].integer();
    const int64_t stop = place["stop"].integer();
    if (fused_) {
      if (!decoder_.strip_character.empty()) refuse_behind_fuse(place);
      decoder_.strip_character = character;
      decoder_.strip_start = start;
      decoder_.strip_stop = stop;
      return;
    }
    add([=](std::string& token, bool) {
      int64_t left = start;
      strip_beginning(token, character, left);
      strip_end(token, character, stop);
    });
  }

  void read_metaspace(const JsonPlace& place) {
    if (fused_) refuse_behind_fuse(place);
    const std::string mark = one_character(place["replacement"]);
    const bool prepends =
        place.boolean("add_prefix_space", true) && place.string("prepend_scheme", "always") != "never";
    add([=](std::string& token, bool first) { token = replace_all(token, mark, first && prepends ? "" : " "); });
  }

  bool tokens_are_bytes_;
  bool fused_ = false;
  TokenDecoder decoder_;
};

}  // namespace

std::string TokenDecoder::decode(std::string_view token, bool first) const {
  std::string text(token);
  for (const Step& step : steps) step(text, first);
  return text;
}

void strip_beginning(std::string& text, std::string_view character, int64_t& left) {
  size_t size = 0;
  while (left > 0 && std::string_view(text).substr(size).starts_with(character) && !character.empty()) {
    size += character.size();
    --left;
  }
  text.erase(0, size);
  if (!text.empty()) left = 0;
}

void strip_end(std::string& text, std::string_view character, int64_t count) {
  for (; count > 0 && !character.empty() && text.ends_with(character); --count) {
    text.resize(text.size() - character.size());
  }
}

TokenDecoder token_decoder_from_json(const JsonPlace& place, bool tokens_are_bytes) {
  if (place.value().is_null()) return {};
  DecoderReader reader(tokens_are_bytes);
  reader.read(place);
  return reader.take();
}

}  // namespace kumiko
