// The merging half of training. Words hold their present symbols; each pair of neighbours has a count; a queue holds
// the pairs by count. A merge touches only the words in which its pair is known to occur, so that the whole costs about
// the symbols that disappear, not vocabulary times corpus.
//
// Ties and corner cases follow the BpeTrainer of the `tokenizers` package: of equal counts the pair with the smaller
// (left id, right id) goes first; a merge whose result is already a token reuses it, and then the same pair may be
// queued, and merged, a second time.
#include <array>
#include <queue>
#include <string_view>
#include <unordered_map>

#include "kumiko/tokenizer/bpe_train.h"

namespace kumiko {
namespace {

struct Pair {
  int32_t left;
  int32_t right;
  bool operator==(const Pair&) const = default;
  auto operator<=>(const Pair&) const = default;
};

struct PairHash {
  size_t operator()(const Pair& pair) const {
    const uint64_t key =
        static_cast<uint64_t>(static_cast<uint32_t>(pair.left)) << 32 | static_cast<uint32_t>(pair.right);
    return static_cast<size_t>((key * 0x9E3779B97F4A7C15u) ^ (key * 0x9E3779B97F4A7C15u >> 32));
  }
};

struct Candidate {
  int64_t count;
  Pair pair;
  size_t where;  // index of the list of words
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : other.pair < pair;
  }
};

class Learner {
 public:
  Learner(const std::vector<WordCount>& words, BpeVocabulary& vocabulary) : vocabulary_(vocabulary) {
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      const std::string& bytes = vocabulary.tokens[id];
      if (!bytes.empty()) ids_.emplace(bytes, static_cast<int32_t>(id));
      if (bytes.size() == 1) byte_ids_[static_cast<unsigned char>(bytes[0])] = static_cast<int32_t>(id);
    }
    for (const WordCount& word : words) add_word(word);
    queue_new_pairs();
  }

  // The next merge; false when no pair is left that occurs `min_frequency` times.
  bool merge_next(int64_t min_frequency) {
    while (!queue_.empty()) {
      Candidate best = queue_.top();
      queue_.pop();
      const int64_t count = counts_[best.pair];
      if (best.count != count) {
        best.count = count;
        queue_.push(best);
        continue;
      }
      if (count < min_frequency) return false;
      const std::vector<uint32_t> where = std::move(where_[best.where]);
      where_[best.where] = {};
      const int32_t result = result_of(best.pair);
      vocabulary_.merges.push_back({best.pair.left, best.pair.right, result});
      for (const uint32_t word : where) merge_in_word(word, best.pair, result);
      queue_new_pairs();
      return true;
    }
    return false;
  }

 private:
  struct Word {
    size_t begin;  // in symbols_
    uint32_t size;
    int64_t count;
  };

  void add_word(const WordCount& word) {
    const auto index = static_cast<uint32_t>(words_.size());
    const size_t begin = symbols_.size();
    for (const char byte : word.word) symbols_.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
    words_.push_back({begin, static_cast<uint32_t>(word.word.size()), word.count});
    for (size_t i = begin; i + 1 < symbols_.size(); ++i) count_pair({symbols_[i], symbols_[i + 1]}, index);
  }

  // One more occurrence of the pair in each occurrence of the word.
  void count_pair(Pair pair, uint32_t word) {
    counts_[pair] += words_[word].count;
    const auto [found, is_new] = new_pairs_.try_emplace(pair, where_.size());
    if (is_new) where_.emplace_back();
    std::vector<uint32_t>& where = where_[found->second];
    if (where.empty() || where.back() != word) where.push_back(word);
  }

  void queue_new_pairs() {
    for (const auto& [pair, where] : new_pairs_) {
      if (const int64_t count = counts_[pair]; count > 0) queue_.push({count, pair, where});
    }
    new_pairs_.clear();
  }

  int32_t result_of(Pair pair) {
    std::string bytes = vocabulary_.tokens[static_cast<size_t>(pair.left)];
    bytes += vocabulary_.tokens[static_cast<size_t>(pair.right)];
    const auto [found, is_new] = ids_.try_emplace(bytes, static_cast<int32_t>(vocabulary_.tokens.size()));
    if (is_new) vocabulary_.tokens.push_back(std::move(bytes));
    return found->second;
  }

  // From left to right, in place.
  void merge_in_word(uint32_t index, Pair pair, int32_t result) {
    Word& word = words_[index];
    int32_t* const symbols = symbols_.data() + word.begin;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < word.size; ++i) {
      if (symbols[i] != pair.left || i + 1 == word.size || symbols[i + 1] != pair.right) {
        symbols[kept++] = symbols[i];
        continue;
      }
      ++i;
      if (kept > 0) {
        counts_[{symbols[kept - 1], pair.left}] -= word.count;
        count_pair({symbols[kept - 1], result}, index);
      }
      if (i + 1 < word.size) {
        counts_[{pair.right, symbols[i + 1]}] -= word.count;
        count_pair({result, symbols[i + 1]}, index);
      }
      symbols[kept++] = result;
    }
    word.size = kept;
  }

  BpeVocabulary& vocabulary_;
  std::unordered_map<std::string, int32_t> ids_;
  std::array<int32_t, 256> byte_ids_ = {};
  std::vector<int32_t> symbols_;
  std::vector<Word> words_;
  std::unordered_map<Pair, int64_t, PairHash> counts_;
  std::unordered_map<Pair, size_t, PairHash>
      new_pairs_;  // since the last queue_new_pairs(), with their lists in where_
  std::vector<std::vector<uint32_t>> where_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace

void learn_merges(const std::vector<WordCount>& words, int64_t vocab_size, int64_t min_frequency, BpeVocabulary& base,
                  const std::function<void(int64_t vocab_size)>& progress) {
  Learner learner(words, base);
  int64_t size = static_cast<int64_t>(base.tokens.size());
  while (size < vocab_size && learner.merge_next(min_frequency)) {
    size = static_cast<int64_t>(base.tokens.size());
    progress(size);
  }
}

}  // namespace kumiko
