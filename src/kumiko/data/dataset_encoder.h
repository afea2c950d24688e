// A tokenizer as the dataset builder sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "kumiko/data/block_encoder.h"
#include "kumiko/data/cut_places.h"

namespace kumiko {

class Tokenizer;

struct DatasetEncoder {
  std::function<Encode()> make_encode;  // called once by each thread
  int64_t vocab_size = 0;
  std::optional<int32_t> end_of_document;
  CutPlaces cut_places;  // so that a document larger than memory can be tokenized in pieces
};

DatasetEncoder make_dataset_encoder(const Tokenizer& tokenizer);

// Where cutting a text cannot change its tokens: no token of the vocabulary reaches across such a place, so that no
// merge can; no added token looks at or holds white space there; and a set of sample texts, cut and whole, comes out
// the same, which steps that do something of their own there (stripping, whole lines as pieces) do not pass.
CutPlaces find_cut_places(const Tokenizer& tokenizer);

}  // namespace kumiko
