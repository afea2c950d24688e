#include "kumiko/tokenizer/bpe_model.h"

#include <span>
#include <unordered_map>
#include <utility>

#include "kumiko/tokenizer/bpe_workspace.h"

namespace kumiko {
namespace {

class ByteLevelBpe : public TokenizerModel {
 public:
  ByteLevelBpe(BpeVocabulary vocabulary, std::unique_ptr<PreTokenizer> pre_tokenizer, bool ignore_merges)
      : vocabulary_(std::move(vocabulary)), merger_(vocabulary_), pre_tokenizer_(std::move(pre_tokenizer)) {
    for (size_t id = 0; ignore_merges && id < vocabulary_.tokens.size(); ++id) {
      if (!vocabulary_.tokens[id].empty()) whole_.emplace(vocabulary_.tokens[id], static_cast<int32_t>(id));
    }
    for (const auto& [id, content] : vocabulary_.unreachable) vocabulary_.tokens[static_cast<size_t>(id)] = content;
  }

  std::string_view kind() const override { return "byte-level BPE"; }
  bool needs_utf8() const override { return true; }
  const std::vector<std::string>& tokens() const override { return vocabulary_.tokens; }
  int64_t num_merges() const override { return static_cast<int64_t>(vocabulary_.merges.size()); }

  void encode(std::string_view text, TextStart start, std::vector<int32_t>& ids) const override {
    auto workspace = pool_.take();
    pre_tokenizer_->cut(text, start, [&](std::string_view piece) {
      encode_word(piece, workspace->cache, ids, [&] { encode_new(piece, *workspace, ids); });
    });
    pool_.give_back(std::move(workspace));
  }

 private:
  void encode_new(std::string_view piece, BpeModelWorkspace& workspace, std::vector<int32_t>& ids) const {
    if (!whole_.empty()) {
      if (const auto found = whole_.find(piece); found != whole_.end()) return ids.push_back(found->second);
    }
    merger_.encode(piece, workspace.merging, ids);
  }

  BpeVocabulary vocabulary_;
  BpeMerger merger_;
  std::unique_ptr<PreTokenizer> pre_tokenizer_;
  std::unordered_map<std::string_view, int32_t> whole_;  // views into vocabulary_; empty unless ignore_merges
  mutable WorkspacePool<BpeModelWorkspace> pool_;
};

}  // namespace

std::unique_ptr<TokenizerModel> make_byte_level_bpe(BpeVocabulary vocabulary,
                                                    std::unique_ptr<PreTokenizer> pre_tokenizer, bool ignore_merges) {
  return std::make_unique<ByteLevelBpe>(std::move(vocabulary), std::move(pre_tokenizer), ignore_merges);
}

}  // namespace kumiko
