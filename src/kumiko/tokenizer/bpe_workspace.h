// What one running encode needs for itself, kept by the model from call to call, so that the words seen before stay.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "kumiko/tokenizer/bpe.h"
#include "kumiko/tokenizer/bpe_cache.h"

namespace kumiko {

struct BpeModelWorkspace {
  BpeCache cache;
  BpeWorkspace merging;
};

template <class Workspace>
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

// Appends the ids of `word`: from the cache, or as `encode` appends them.
template <class Encode>
void encode_word(std::string_view word, BpeCache& cache, std::vector<int32_t>& ids, const Encode& encode) {
  if (word.size() > BpeCache::max_bytes) return encode();
  const BpeCache::Key key(word);
  const auto known = cache.find(key);
  if (!known.empty()) {
    ids.insert(ids.end(), known.begin(), known.end());
    return;
  }
  const size_t before = ids.size();
  encode();
  cache.store(key, std::span(ids).subspan(before));
}

}  // namespace kumiko
