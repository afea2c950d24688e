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

// In the order of the words' bytes, so that it does not depend on threads or chunks. Memory: the distinct words, and a
// chunk for each thread. `progress`, called from one thread at a time, gets the bytes that are done.
std::vector<WordCount> count_words(CorpusReader& corpus, const PreTokenizer& pre_tokenizer, int num_threads,
                                   const std::function<void(uint64_t bytes)>& progress);

}  // namespace kumiko
