// From a block of text to tokens: what one worker of a dataset build does.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "kumiko/text/text_documents.h"

namespace kumiko {

// Appends the tokens of a text: a whole document, or a part of one (TextStart::inside) that goes on where another
// ended.
using Encode = std::function<void(std::string_view text, TextStart start, std::vector<int32_t>& tokens)>;

struct EncodedBlock {
  std::vector<int32_t> tokens;
  // A document ends after this many of the tokens. Ends may coincide: a document without tokens. Tokens after the last
  // end belong to a document that goes on in the next block.
  std::vector<int64_t> ends;
  bool keep_empty_documents = false;  // of JSON, as Megatron does; elsewhere nothing is no document
  int64_t bytes_read = 0;
  size_t file = 0;
  BlockFacts facts;
};

// User error as visit_documents() has it.
EncodedBlock encode_block(TextBlock block, const TextInput& input, const Encode& encode);

}  // namespace kumiko
