// How often each piece of a corpus occurs: all that byte-pair training needs to know of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kumiko/tokenizer/bpe_corpus.h"
#include "kumiko/tokenizer/pre_tokenizer.h"

namespace kumiko {

struct WordCount {
  std::string word;  // bytes
  int64_t count;
};

struct CorpusWords {
  std::vector<WordCount> words;  // in the order of their bytes, so that it does not depend on threads or parts
  int64_t num_bytes = 0;         // of text
};

// Memory: the distinct words, and a part of the corpus for each thread. `progress`, called from one thread at a time,
// gets the bytes of the corpus that are read.
CorpusWords count_words(const Corpus& corpus, const PreTokenizer& pre_tokenizer, int num_threads,
                        const std::function<void(int64_t bytes)>& progress);

}  // namespace kumiko
