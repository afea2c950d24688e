#include "kumiko/tokenizer/tokenizer_as_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/json_place.h"
#include "kumiko/base/json_text.h"
#include "kumiko/base/text.h"
#include "kumiko/tokenizer/bpe_model.h"
#include "kumiko/tokenizer/sentencepiece_file.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/tokenizer/tokenizer_json.h"
#include "kumiko/tokenizer/tokenizer_load.h"
#include "kumiko/tokenizer/tokenizer_settings.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;
using Kind = SentencePieceFile::Kind;
using Type = SentencePiece::Type;

ordered_json sequence(const char* list, ordered_json steps) {
  if (steps.empty()) return nullptr;
  if (steps.size() == 1) return steps[0];
  return {{"type", "Sequence"}, {list, std::move(steps)}};
}

ordered_json replace(ordered_json pattern, std::string_view content) {
  return {{"type", "Replace"}, {"pattern", std::move(pattern)}, {"content", content}};
}

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t begin = 0; begin < bytes.size(); begin += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - begin);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < count ? static_cast<unsigned char>(bytes[begin + i]) : 0u);
    }
    for (size_t i = 0; i < 4; ++i) text += i <= count ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

// Only these come out of merges: all others are found in a text as a whole, or never.
bool is_merged(const SentencePiece& piece) { return piece.type == Type::normal; }

// SentencePiece joins the two neighbours whose union has the best score: every way to make a piece is a merge.
ordered_json merges_of(const SentencePieceFile& file) {
  std::unordered_map<std::string_view, size_t> ids;
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    if (is_merged(file.pieces[id])) ids.emplace(file.pieces[id].text, id);
  }
  struct Way {
    size_t left, right;
  };
  std::vector<size_t> order;
  for (const auto& [text, id] : ids) order.push_back(id);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const float left = file.pieces[a].score, right = file.pieces[b].score;
    return left != right ? left > right : a < b;
  });
  ordered_json merges = ordered_json::array();
  for (const size_t id : order) {
    const std::string_view text = file.pieces[id].text;
    std::vector<Way> ways;
    for (size_t cut = utf8_unit(text, 0).length; cut < text.size(); cut += utf8_unit(text, cut).length) {
      const auto left = ids.find(text.substr(0, cut)), right = ids.find(text.substr(cut));
      if (left != ids.end() && right != ids.end()) ways.push_back({left->second, right->second});
    }
    std::sort(ways.begin(), ways.end(),
              [](const Way& a, const Way& b) { return a.left != b.left ? a.left < b.left : a.right < b.right; });
    for (const Way& way : ways) merges.push_back({file.pieces[way.left].text, file.pieces[way.right].text});
  }
  return merges;
}

ordered_json model_of(const SentencePieceFile& file) {
  if (file.kind == Kind::unigram) {
    ordered_json vocabulary = ordered_json::array();
    for (const SentencePiece& piece : file.pieces) vocabulary.push_back({piece.text, piece.score});
    return {{"type", "Unigram"},
            {"unk_id", file.unknown_id},
            {"vocab", std::move(vocabulary)},
            {"byte_fallback", file.byte_fallback}};
  }
  ordered_json::object_t vocabulary;
  for (size_t id = 0; id < file.pieces.size(); ++id) vocabulary.emplace_back(file.pieces[id].text, id);
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", file.pieces[static_cast<size_t>(file.unknown_id)].text},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", true},
          {"byte_fallback", file.byte_fallback},
          {"ignore_merges", false},
          {"vocab", std::move(vocabulary)},
          {"merges", merges_of(file)}};
}

ordered_json document_of_sentencepiece(const SentencePieceFile& file, SpacePrefix prefix) {
  if (file.kind != Kind::unigram && file.kind != Kind::bpe) {
    throw_user("a SentencePiece model of words or characters has no tokenizer.json: expected BPE or Unigram");
  }
  if (file.space_ends_words || !file.escape_whitespaces) {
    throw_user("a SentencePiece model that marks spaces behind words, or not at all, has no tokenizer.json");
  }
  if (prefix == SpacePrefix::by_model && !file.add_dummy_prefix) prefix = SpacePrefix::never;
  ordered_json steps = ordered_json::array();
  if (!file.charsmap.empty()) {
    steps.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", to_base64(file.charsmap)}});
  }
  if (file.remove_extra_whitespaces) {
    steps.push_back({{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}});
    steps.push_back(replace({{"Regex", " {2,}"}}, " "));
  }
  if (prefix == SpacePrefix::by_model) steps.push_back({{"type", "Prepend"}, {"prepend", space_mark}});
  ordered_json pre_tokenizer = nullptr;
  if (prefix == SpacePrefix::always || prefix == SpacePrefix::first) {
    pre_tokenizer = {{"type", "Metaspace"},
                     {"replacement", space_mark},
                     {"prepend_scheme", prefix == SpacePrefix::first ? "first" : "always"},
                     {"split", false}};
  } else {
    steps.push_back(replace({{"String", " "}}, space_mark));
  }
  ordered_json decoders = {replace({{"String", space_mark}}, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (prefix != SpacePrefix::never) {
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  return {{"normalizer", sequence("normalizers", std::move(steps))},
          {"pre_tokenizer", std::move(pre_tokenizer)},
          {"decoder", sequence("decoders", std::move(decoders))},
          {"model", model_of(file)}};
}

ordered_json byte_level(bool add_prefix_space, bool use_regex) {
  return {
      {"type", "ByteLevel"}, {"add_prefix_space", add_prefix_space}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

ordered_json document_of_pair(const std::string& vocabulary, const std::string& merges, PairPattern pattern,
                              bool add_prefix_space) {
  ordered_json lines = ordered_json::array();
  for (const std::string& line : split(merges, '\n')) {
    const std::string_view pair = trim(line);
    if (!pair.empty() && !pair.starts_with("#version")) lines.push_back(pair);
  }
  ordered_json pre_tokenizer = byte_level(add_prefix_space, pattern == PairPattern::gpt2);
  if (pattern == PairPattern::qwen2) {
    const ordered_json cut = {
        {"type", "Split"}, {"pattern", {{"Regex", qwen2_pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
    pre_tokenizer = sequence("pretokenizers", {cut, pre_tokenizer});
  }
  return {{"normalizer", pattern == PairPattern::qwen2 ? ordered_json{{"type", "NFC"}} : ordered_json(nullptr)},
          {"pre_tokenizer", std::move(pre_tokenizer)},
          {"decoder", byte_level(true, true)},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", ordered_json::parse(vocabulary)},
            {"merges", std::move(lines)}}}};
}

ordered_json added_tokens_of(const Tokenizer& tokenizer, const SentencePieceFile* file) {
  std::vector<AddedToken> tokens = tokenizer.added_tokens();
  for (size_t id = 0; file != nullptr && id < file->pieces.size(); ++id) {
    const SentencePiece& piece = file->pieces[id];
    const bool special = piece.type == Type::control || piece.type == Type::unknown;
    const bool known =
        std::any_of(tokens.begin(), tokens.end(), [&](const auto& t) { return t.content == piece.text; });
    if (known || (!special && piece.type != Type::user_defined)) continue;
    tokens.push_back({.id = static_cast<int32_t>(id), .content = piece.text, .special = special});
  }
  std::sort(tokens.begin(), tokens.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  ordered_json list = ordered_json::array();
  for (const AddedToken& token : tokens) {
    list.push_back({{"id", token.id},
                    {"content", token.content},
                    {"single_word", token.single_word},
                    {"lstrip", token.lstrip},
                    {"rstrip", token.rstrip},
                    {"normalized", token.normalized},
                    {"special", token.special}});
  }
  return list;
}

ordered_json beginning_of(const Tokenizer& tokenizer) {
  if (!tokenizer.begin_of_text()) return nullptr;
  const std::string name(tokenizer.token_bytes(*tokenizer.begin_of_text()));
  const auto token = [&](int type) { return ordered_json{{"SpecialToken", {{"id", name}, {"type_id", type}}}}; };
  const auto text = [](const char* id, int type) {
    return ordered_json{{"Sequence", {{"id", id}, {"type_id", type}}}};
  };
  return {{"type", "TemplateProcessing"},
          {"single", {token(0), text("A", 0)}},
          {"pair", {token(0), text("A", 0), token(1), text("B", 1)}},
          {"special_tokens", {{name, {{"id", name}, {"ids", {*tokenizer.begin_of_text()}}, {"tokens", {name}}}}}}};
}

// The pieces themselves, side by side and with spaces between, are texts that the model has much to say about.
void check_same_ids(const Tokenizer& expected, const ordered_json& document, const SentencePieceFile& file) {
  const Tokenizer made = tokenizer_from_json(document.dump());
  std::vector<std::string> texts = {"Hello, world!", " two  spaces ", "The year 2024.\n\nNext\tline", "木を組む é ﬁ ½"};
  std::string text;
  for (const SentencePiece& piece : file.pieces) {
    if (piece.type != Type::normal) continue;
    text += expected.token_bytes(static_cast<int32_t>(&piece - file.pieces.data()));
    if (text.size() < 200) continue;
    texts.push_back(std::move(text));
    text.clear();
  }
  for (const std::string& probe : texts) {
    if (made.encode(probe) == expected.encode(probe)) continue;
    throw_user("no tokenizer.json gives the ids of this SentencePiece model: \"{}\" would become other tokens", probe);
  }
}

}  // namespace

ordered_json tokenizer_as_json(const fs::path& path) {
  const TokenizerSource source = find_tokenizer(path);
  if (source.form == TokenizerForm::bytes) throw_user("the tokenizer of bytes has no tokenizer.json");
  const TokenizerSettings settings = read_tokenizer_settings(source.folder());
  const Tokenizer tokenizer = load_tokenizer(path);
  const std::string text = read_text_file(source.files[0].path);
  ordered_json document = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  if (source.form == TokenizerForm::tokenizer_json) {
    json patched = parse_json(text, "");
    apply_prefix_space(patched, settings);
    document = ordered_json::parse(text);
    document["pre_tokenizer"] = patched["pre_tokenizer"];
    document["added_tokens"] = added_tokens_of(tokenizer, nullptr);
    return document;
  }
  document["added_tokens"] = nullptr;
  if (source.form == TokenizerForm::pair) {
    document.update(document_of_pair(text, read_text_file(source.files[1].path), pattern_of(settings),
                                     settings.add_prefix_space.value_or(false)));
    document["added_tokens"] = added_tokens_of(tokenizer, nullptr);
    document["post_processor"] = beginning_of(tokenizer);
    return document;
  }
  const SentencePieceFile file = read_sentencepiece_file(text);
  document.update(document_of_sentencepiece(file, prefix_of(settings)));
  document["added_tokens"] = added_tokens_of(tokenizer, &file);
  document["post_processor"] = beginning_of(tokenizer);
  check_same_ids(tokenizer, document, file);
  return document;
}

}  // namespace kumiko
