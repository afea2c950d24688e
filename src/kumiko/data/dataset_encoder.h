// A tokenizer as the dataset builder sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "kumiko/data/block_encoder.h"

namespace kumiko {

class Tokenizer;

struct DatasetEncoder {
  std::function<Encode()> make_encode;  // called once by each thread
  int64_t vocab_size = 0;
  std::optional<int32_t> end_of_document;
  // Whether last_safe_cut() holds for it, so that a document larger than memory can be tokenized in pieces.
  bool can_cut_documents = false;
};

DatasetEncoder make_dataset_encoder(const Tokenizer& tokenizer);

// Whether cutting a text at last_safe_cut() cannot change its tokens: no token of the vocabulary reaches across such a
// place, so that no merge can; no added token looks at or holds white space; and a set of sample texts, cut and whole,
// comes out the same, which a pre-tokenizer that does something of its own there (a prefix space, whole lines as
// pieces) does not pass.
bool can_cut_documents(const Tokenizer& tokenizer);

}  // namespace kumiko
