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

struct HashOfText {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using PartCounts = std::unordered_map<std::string, int64_t, HashOfText, std::equal_to<>>;

// The counts of all threads, in parts with a lock each: threads add what one part of the corpus gave, and rarely wait.
class SharedCounts {
 public:
  void add(const PartCounts& counts) {
    std::array<std::vector<const PartCounts::value_type*>, num_parts> by_part;
    for (const auto& entry : counts) by_part[std::hash<std::string_view>()(entry.first) % num_parts].push_back(&entry);
    for (size_t part = 0; part < num_parts; ++part) {
      const std::lock_guard lock(parts_[part].mutex);
      for (const auto* entry : by_part[part]) parts_[part].counts[entry->first] += entry->second;
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

void count_text(std::string_view text, const PreTokenizer& pre_tokenizer, PartCounts& counts) {
  std::string replaced;
  if (well_formed_utf8_prefix(text) != text.size()) {
    replaced = replace_ill_formed_utf8(text);
    text = replaced;
  }
  pre_tokenizer.cut(text, TextStart::whole, [&](std::string_view piece) {
    const auto found = counts.find(piece);
    ++(found != counts.end() ? found->second : counts[std::string(piece)]);
  });
}

}  // namespace

CorpusWords count_words(const Corpus& corpus, const PreTokenizer& pre_tokenizer, int num_threads,
                        const std::function<void(int64_t bytes)>& progress) {
  SharedCounts shared;
  std::mutex source;  // of corpus.next
  std::mutex mutex;   // of what follows
  int64_t read = 0;
  int64_t num_bytes = 0;
  std::exception_ptr failure;
  const auto next = [&] {
    const std::lock_guard lock(source);
    return corpus.next();
  };
  const auto work = [&] {
    try {
      while (const std::optional<CorpusPart> part = next()) {
        int64_t bytes = 0;
        PartCounts counts;
        part->read([&](std::string_view text) {
          count_text(text, pre_tokenizer, counts);
          bytes += static_cast<int64_t>(text.size());
        });
        shared.add(counts);
        const std::lock_guard lock(mutex);
        if (failure) return;
        num_bytes += bytes;
        read = std::max(read, part->bytes_read);
        progress(read);
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
  return {shared.take_sorted(), num_bytes};
}

}  // namespace kumiko
