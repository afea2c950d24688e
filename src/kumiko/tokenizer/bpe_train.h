// Training of byte-level BPE: the merges that the `tokenizers` package finds, ties included, from files of any size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/tokenizer/bpe.h"
#include "kumiko/tokenizer/bpe_word_count.h"

namespace kumiko {

struct BpeTrainOptions {
  int64_t vocab_size = 32000;  // special tokens and the 256 bytes included; fewer if the corpus has no more merges
  int64_t min_frequency = 2;   // of a pair that is merged
  std::vector<std::string> special_tokens = {"<|endoftext|>"};  // ids 0, 1, ...
  int64_t threads = 0;                                          // 0: all cores

  // User error for what cannot be trained.
  void validate() const;
};

struct BpeTrainProgress {
  std::string_view phase;  // "reading" in bytes, "merging" in tokens of the vocabulary
  int64_t done;
  int64_t total;  // 0: not known
};

struct BpeTrainResult {
  BpeVocabulary vocabulary;
  int64_t corpus_bytes = 0;
  int64_t distinct_words = 0;
};

// The result does not depend on the number of threads. Special tokens in a text are text like the rest. `progress` is
// called from one thread at a time.
BpeTrainResult train_bpe(const BpeTrainOptions& options, const Corpus& corpus,
                         const std::function<void(const BpeTrainProgress&)>& progress = {});

// The merges alone. `words` hold bytes; `base` is the vocabulary to grow: special tokens and the 256 bytes.
void learn_merges(const std::vector<WordCount>& words, int64_t vocab_size, int64_t min_frequency, BpeVocabulary& base,
                  const std::function<void(int64_t vocab_size)>& progress);

// Trains and writes a tokenizer.json, whole or not at all.
BpeTrainResult train_bpe_to_file(const BpeTrainOptions& options, const Corpus& corpus,
                                 const std::filesystem::path& output,
                                 const std::function<void(const BpeTrainProgress&)>& progress = {});

}  // namespace kumiko
