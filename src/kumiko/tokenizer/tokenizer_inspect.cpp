#include "kumiko/tokenizer/tokenizer_inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

constexpr size_t num_longest = 10;
constexpr size_t max_added_shown = 20;

std::string describe_added(const Tokenizer& tokenizer) {
  std::string text = fmt::format("added tokens      {}\n", tokenizer.added_tokens().size());
  for (size_t i = 0; i < tokenizer.added_tokens().size(); ++i) {
    if (i == max_added_shown) return text + fmt::format("  and {} more\n", tokenizer.added_tokens().size() - i);
    const AddedToken& token = tokenizer.added_tokens()[i];
    text += fmt::format("  {:>7}  {}{}{}{}{}\n", token.id, quote_bytes(token.content), token.special ? "  special" : "",
                        token.single_word ? "  single_word" : "", token.lstrip ? "  lstrip" : "",
                        token.rstrip ? "  rstrip" : "");
  }
  return text;
}

std::string describe_longest(const Tokenizer& tokenizer) {
  std::vector<std::pair<size_t, int32_t>> sizes;
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (tokenizer.has_token(id) && !tokenizer.is_special(id)) sizes.emplace_back(tokenizer.token_bytes(id).size(), id);
  }
  std::stable_sort(sizes.begin(), sizes.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  sizes.resize(std::min(sizes.size(), num_longest));
  std::string text = "longest tokens\n";
  for (const auto& [size, id] : sizes) text += fmt::format("  {:>7}  {}\n", id, quote_bytes(tokenizer.token_bytes(id)));
  return text;
}

std::string describe_examples(const Tokenizer& tokenizer) {
  std::string text = "examples\n";
  for (const std::string_view example :
       {"Hello, world!", "The year 2024.", "木を組む", "if (x == 0) {\n    return;\n}"}) {
    const std::vector<int32_t> ids = tokenizer.encode(example);
    std::string pieces;
    for (const int32_t id : ids) pieces += (pieces.empty() ? "" : " ") + quote_bytes(tokenizer.token_bytes(id));
    text += fmt::format("  {} -> {} tokens\n    {}\n    {}\n", quote_bytes(example), ids.size(), format_ids(ids, false),
                        pieces);
  }
  return text;
}

bool is_printable(char32_t character) {
  const bool control = character < 0x20 || (character >= 0x7F && character < 0xA0) || character == 0xFEFF;
  const bool unseen = (character >= 0x200B && character <= 0x200F) || (character >= 0x2028 && character <= 0x202E);
  return !control && !unseen;
}

}  // namespace

std::string quote_bytes(std::string_view bytes) {
  std::string text = "\"";
  for (size_t position = 0; position < bytes.size();) {
    const Utf8Unit unit = utf8_unit(bytes, position);
    const std::string_view raw = bytes.substr(position, unit.length);
    size_t length;
    if (raw == "\n") {
      text += "\\n";
    } else if (raw == "\r") {
      text += "\\r";
    } else if (raw == "\t") {
      text += "\\t";
    } else if (raw == "\"" || raw == "\\") {
      text += '\\';
      text += raw;
    } else if (unit.well_formed && is_printable(decode_utf8(raw, 0, length))) {
      text += raw;
    } else {
      for (const char byte : raw) text += fmt::format("\\x{:02X}", static_cast<unsigned char>(byte));
    }
    position += unit.length;
  }
  return text + '"';
}

std::string format_ids(const std::vector<int32_t>& ids, bool as_json) {
  return as_json ? fmt::format("[{}]", fmt::join(ids, ",")) : fmt::format("{}", fmt::join(ids, " "));
}

std::vector<int32_t> parse_ids(std::string_view text) {
  constexpr std::string_view separators = " \t\r\n,[]";
  std::vector<int32_t> ids;
  size_t begin = 0;
  while ((begin = text.find_first_not_of(separators, begin)) != std::string_view::npos) {
    const size_t end = std::min(text.find_first_of(separators, begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    int32_t id = 0;
    const auto [parsed, code] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (code != std::errc() || parsed != word.data() + word.size()) {
      throw_user("{} is not a token id: expected whole numbers", quote_bytes(word));
    }
    ids.push_back(id);
    begin = end;
  }
  return ids;
}

std::string describe_tokenizer(const Tokenizer& tokenizer) {
  const auto end = tokenizer.end_of_document();
  std::string text = fmt::format("kind              {}\n", tokenizer.kind());
  text += fmt::format("vocabulary        {} tokens\n", with_thousands(tokenizer.vocab_size()));
  text += fmt::format("merges            {}\n", with_thousands(tokenizer.num_merges()));
  text += fmt::format("end of document   {}\n",
                      end ? fmt::format("{} {}", *end, quote_bytes(tokenizer.token_bytes(*end))) : "none");
  return text + describe_added(tokenizer) + describe_longest(tokenizer) + describe_examples(tokenizer);
}

}  // namespace kumiko
