#include "kumiko/tokenizer/bpe_model.h"

#include <mutex>
#include <span>
#include <unordered_map>
#include <utility>

#include "kumiko/tokenizer/bpe_cache.h"

namespace kumiko {
namespace {

// What one running encode needs for itself. Kept by the model from call to call, so that the cache stays warm.
struct Workspace {
  BpeCache cache;
  BpeWorkspace merging;
};

class WorkspacePool {
 public:
  std::unique_ptr<Workspace> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        auto workspace = std::move(free_.back());
        free_.pop_back();
        return workspace;
      }
    }
    return std::make_unique<Workspace>();
  }

  void give_back(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(workspace));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> free_;
};

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

  void encode(std::string_view text, std::vector<int32_t>& ids) const override {
    auto workspace = pool_.take();
    pre_tokenizer_->cut(text, [&](std::string_view piece) { encode_piece(piece, *workspace, ids); });
    pool_.give_back(std::move(workspace));
  }

 private:
  void encode_piece(std::string_view piece, Workspace& workspace, std::vector<int32_t>& ids) const {
    if (piece.size() > BpeCache::max_bytes) return encode_new(piece, workspace, ids);
    const BpeCache::Key key(piece);
    const auto known = workspace.cache.find(key);
    if (!known.empty()) {
      ids.insert(ids.end(), known.begin(), known.end());
      return;
    }
    const size_t before = ids.size();
    encode_new(piece, workspace, ids);
    workspace.cache.store(key, std::span(ids).subspan(before));
  }

  void encode_new(std::string_view piece, Workspace& workspace, std::vector<int32_t>& ids) const {
    if (!whole_.empty()) {
      if (const auto found = whole_.find(piece); found != whole_.end()) return ids.push_back(found->second);
    }
    merger_.encode(piece, workspace.merging, ids);
  }

  BpeVocabulary vocabulary_;
  BpeMerger merger_;
  std::unique_ptr<PreTokenizer> pre_tokenizer_;
  std::unordered_map<std::string_view, int32_t> whole_;  // views into vocabulary_; empty unless ignore_merges
  mutable WorkspacePool pool_;
};

}  // namespace

std::unique_ptr<TokenizerModel> make_byte_level_bpe(BpeVocabulary vocabulary,
                                                    std::unique_ptr<PreTokenizer> pre_tokenizer, bool ignore_merges) {
  return std::make_unique<ByteLevelBpe>(std::move(vocabulary), std::move(pre_tokenizer), ignore_merges);
}

}  // namespace kumiko
