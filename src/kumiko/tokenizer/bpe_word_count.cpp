#include "kumiko/tokenizer/bpe_word_count.h"

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

using ChunkCounts = std::unordered_map<std::string_view, int64_t>;

// The counts of all threads, in parts with a lock each: threads add what one chunk gave, and rarely wait.
class SharedCounts {
 public:
  void add(const ChunkCounts& counts) {
    std::array<std::vector<const ChunkCounts::value_type*>, num_parts> by_part;
    for (const auto& entry : counts) by_part[std::hash<std::string_view>()(entry.first) % num_parts].push_back(&entry);
    for (size_t part = 0; part < num_parts; ++part) {
      const std::lock_guard lock(parts_[part].mutex);
      for (const auto* entry : by_part[part]) parts_[part].counts[std::string(entry->first)] += entry->second;
    }
  }

  std::vector<WordCount> take_sorted() {
    std::vector<WordCount> words;
    for (Part& part : parts_) {
      while (!part.counts.empty()) {
        auto node = part.counts.extract(part.counts.begin());
        words.push_back({std::move(node.key()), node.mapped()});
      }
    }
    std::sort(words.begin(), words.end(), [](const WordCount& a, const WordCount& b) { return a.word < b.word; });
    return words;
  }

 private:
  static constexpr size_t num_parts = 64;
  struct Part {
    std::mutex mutex;
    std::unordered_map<std::string, int64_t> counts;
  };
  std::array<Part, num_parts> parts_;
};

void count_chunk(const std::string& chunk, const PreTokenizer& pre_tokenizer, SharedCounts& shared) {
  std::string replaced;
  std::string_view text = chunk;
  if (well_formed_utf8_prefix(text) != text.size()) {
    replaced = replace_ill_formed_utf8(text);
    text = replaced;
  }
  ChunkCounts counts;
  pre_tokenizer.cut(text, TextStart::whole, [&](std::string_view piece) { ++counts[piece]; });
  shared.add(counts);
}

}  // namespace

std::vector<WordCount> count_words(CorpusReader& corpus, const PreTokenizer& pre_tokenizer, int num_threads,
                                   const std::function<void(uint64_t bytes)>& progress) {
  SharedCounts shared;
  std::mutex mutex;
  uint64_t done = 0;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::string chunk; corpus.next(chunk);) {
        count_chunk(chunk, pre_tokenizer, shared);
        const std::lock_guard lock(mutex);
        if (failure) return;
        done += chunk.size();
        progress(done);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < num_threads; ++thread) threads.emplace_back(work);
  }
  if (failure) std::rethrow_exception(failure);
  return shared.take_sorted();
}

}  // namespace kumiko
