// Text files as the corpus that a tokenizer is trained on.
#pragma once

#include <memory>

#include "kumiko/text/text_report.h"
#include "kumiko/tokenizer/bpe_corpus.h"

namespace kumiko {

struct TextCorpus {
  Corpus corpus;
  std::shared_ptr<TextReport> report;  // whole when the corpus has been read
};

// Parts are of about `chunk_bytes`.
TextCorpus make_text_corpus(const TextInput& input, size_t chunk_bytes = size_t{4} << 20);

}  // namespace kumiko
