#include "kumiko/tokenizer/normalizer_json.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace kumiko {
namespace {

std::string from_base64(const JsonPlace& place) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int num_bits = 0;
  for (const char letter : place.string()) {
    if (letter == '=' || letter == '\n') continue;
    const size_t value = alphabet.find(letter);
    if (value == std::string_view::npos) place.fail("bytes in base 64");
    bits = bits << 6 | static_cast<uint32_t>(value);
    num_bits += 6;
    if (num_bits < 8) continue;
    num_bits -= 8;
    bytes += static_cast<char>(bits >> num_bits & 0xFF);
  }
  return bytes;
}

std::unique_ptr<Normalizer> replace_from_json(const JsonPlace& place) {
  const JsonPlace pattern = place["pattern"];
  std::string content = place["content"].string();
  if (pattern.has("String")) return make_literal_replace(pattern["String"].string(), std::move(content));
  if (!pattern.has("Regex")) pattern.fail("{\"Regex\": ...} or {\"String\": ...}");
  if (content.find('$') != std::string::npos) place["content"].fail("no $: groups of a match are not supported");
  return make_regex_replace(pattern["Regex"].string(), std::move(content));
}

}  // namespace

std::unique_ptr<Normalizer> normalizer_from_json(const JsonPlace& place) {
  if (place.value().is_null()) return nullptr;
  const std::string type = place["type"].string();
  if (type == "Sequence") {
    std::vector<std::unique_ptr<Normalizer>> steps;
    for (const JsonPlace& step : place["normalizers"].elements()) steps.push_back(normalizer_from_json(step));
    return make_normalizer_chain(std::move(steps));
  }
  if (type == "Prepend") return make_prepend(place["prepend"].string());
  if (type == "Replace") return replace_from_json(place);
  if (type == "NFC") return make_unicode_normalizer(UnicodeForm::nfc);
  if (type == "NFD") return make_unicode_normalizer(UnicodeForm::nfd);
  if (type == "NFKC") return make_unicode_normalizer(UnicodeForm::nfkc);
  if (type == "NFKD") return make_unicode_normalizer(UnicodeForm::nfkd);
  if (type == "Lowercase") return make_lowercase();
  if (type == "Strip") return make_strip(place.boolean("strip_left", true), place.boolean("strip_right", true));
  if (type == "StripAccents") return make_strip_accents();
  if (type == "Nmt") return make_nmt();
  if (type == "ByteLevel") return make_byte_alphabet_normalizer();
  if (type == "Precompiled") {
    return make_precompiled(place.has("precompiled_charsmap") ? from_base64(place["precompiled_charsmap"]) : "");
  }
  place["type"].fail(
      "ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Strip, StripAccents or a "
      "Sequence "
      "of these; other normalizers are not supported");
}

}  // namespace kumiko
