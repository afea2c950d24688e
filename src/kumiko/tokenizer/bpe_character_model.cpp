#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "kumiko/tokenizer/bpe_model.h"
#include "kumiko/tokenizer/bpe_workspace.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

bool is_one_character(std::string_view token) {
  return !token.empty() && utf8_unit(token, 0).well_formed && utf8_unit(token, 0).length == token.size();
}

// Whether the mark for a space, where it is in a token, stands at its beginning or behind another mark.
bool marks_begin_words(const std::vector<std::string>& tokens) {
  return std::all_of(tokens.begin(), tokens.end(), [](std::string_view token) {
    for (size_t at = token.find(space_mark, 1); at != std::string_view::npos; at = token.find(space_mark, at + 1)) {
      if (!token.substr(0, at).ends_with(space_mark)) return false;
    }
    return true;
  });
}

class CharacterBpeModel : public TokenizerModel {
 public:
  CharacterBpeModel(CharacterBpe vocabulary, std::unique_ptr<PreTokenizer> pre_tokenizer)
      : vocabulary_(std::move(vocabulary)),
        merger_(vocabulary_.merges),
        pre_tokenizer_(std::move(pre_tokenizer)),
        byte_ids_(find_byte_tokens(vocabulary_.tokens)) {
    for (size_t id = 0; id < vocabulary_.tokens.size(); ++id) {
      const std::string& token = vocabulary_.tokens[id];
      if (token.empty()) continue;
      if (vocabulary_.ignore_merges) whole_.emplace(token, static_cast<int32_t>(id));
      if (is_one_character(token)) set_character(token, static_cast<int32_t>(id));
    }
    size_t length;
    cuts_words_ = character_id(decode_utf8(space_mark, 0, length)) >= 0 && marks_begin_words(vocabulary_.tokens);
  }

  std::string_view kind() const override {
    return vocabulary_.byte_fallback ? "BPE with byte fallback" : "BPE over characters";
  }
  bool needs_utf8() const override { return true; }
  const std::vector<std::string>& tokens() const override { return vocabulary_.tokens; }
  int64_t num_merges() const override { return static_cast<int64_t>(vocabulary_.merges.size()); }

  void encode(std::string_view text, TextStart start, std::vector<int32_t>& ids) const override {
    auto workspace = pool_.take();
    cut_text(pre_tokenizer_.get(), text, start, [&](std::string_view piece) { encode_piece(piece, *workspace, ids); });
    pool_.give_back(std::move(workspace));
  }

 private:
  void set_character(std::string_view token, int32_t id) {
    size_t length;
    const auto character = static_cast<size_t>(decode_utf8(token, 0, length));
    if (character >= character_ids_.size()) character_ids_.resize(character + 1, -1);
    character_ids_[character] = id;
  }
  int32_t character_id(char32_t character) const {
    return character < character_ids_.size() ? character_ids_[character] : -1;
  }

  void encode_piece(std::string_view piece, BpeModelWorkspace& workspace, std::vector<int32_t>& ids) const {
    if (!whole_.empty()) {
      if (const auto found = whole_.find(piece); found != whole_.end()) return ids.push_back(found->second);
    }
    // No merge reaches across the beginning of a word, so words are merged one by one, and remembered.
    size_t begin = 0;
    size_t next = 0;
    while (cuts_words_ && (next = piece.find(space_mark, next + 1)) != std::string_view::npos) {
      if (piece.substr(0, next).ends_with(space_mark)) continue;
      encode_one(piece.substr(begin, next - begin), workspace, ids);
      begin = next;
    }
    encode_one(piece.substr(begin), workspace, ids);
  }

  void encode_one(std::string_view word, BpeModelWorkspace& workspace, std::vector<int32_t>& ids) const {
    encode_word(word, workspace.cache, ids, [&] {
      find_symbols(word, workspace.merging);
      merger_.merge(workspace.merging, ids);
    });
  }

  // As the package: a waiting unknown goes before the next known character, but behind bytes.
  void find_symbols(std::string_view word, BpeWorkspace& work) const {
    work.symbols.clear();
    const auto add = [&](int32_t id) { work.symbols.push_back({id, -1, -1, 0}); };
    bool unknown_waits = false;
    size_t length;
    for (size_t position = 0; position < word.size(); position += length) {
      const int32_t id = character_id(decode_utf8(word, position, length));
      if (id >= 0) {
        if (unknown_waits) add(*vocabulary_.unknown);
        unknown_waits = false;
        add(id);
        continue;
      }
      const std::string_view bytes = word.substr(position, length);
      if (vocabulary_.byte_fallback && has_byte_tokens(bytes)) {
        for (const char byte : bytes) add(byte_ids_[static_cast<unsigned char>(byte)]);
      } else if (vocabulary_.unknown) {
        if (unknown_waits && !vocabulary_.fuse_unknown) add(*vocabulary_.unknown);
        unknown_waits = true;
      }
    }
    if (unknown_waits) add(*vocabulary_.unknown);
  }

  bool has_byte_tokens(std::string_view bytes) const {
    return std::all_of(bytes.begin(), bytes.end(),
                       [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)] >= 0; });
  }

  CharacterBpe vocabulary_;
  BpeMerger merger_;
  std::unique_ptr<PreTokenizer> pre_tokenizer_;
  std::array<int32_t, 256> byte_ids_;
  std::vector<int32_t> character_ids_;                   // by character; -1 for those without a token
  std::unordered_map<std::string_view, int32_t> whole_;  // views into vocabulary_; empty unless ignore_merges
  bool cuts_words_ = false;
  mutable WorkspacePool<BpeModelWorkspace> pool_;
};

}  // namespace

std::array<int32_t, 256> find_byte_tokens(const std::vector<std::string>& tokens) {
  std::unordered_map<std::string, size_t> names;
  for (size_t byte = 0; byte < 256; ++byte) names.emplace(fmt::format("<0x{:02X}>", byte), byte);
  std::array<int32_t, 256> ids;
  ids.fill(-1);
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (const auto name = names.find(tokens[id]); name != names.end()) ids[name->second] = static_cast<int32_t>(id);
  }
  return ids;
}

std::unique_ptr<TokenizerModel> make_character_bpe(CharacterBpe vocabulary,
                                                   std::unique_ptr<PreTokenizer> pre_tokenizer) {
  return std::make_unique<CharacterBpeModel>(std::move(vocabulary), std::move(pre_tokenizer));
}

}  // namespace kumiko
