// From a block of text to tokens: what one worker of a dataset build does.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/data/text_source.h"
#include "kumiko/tokenizer/text_start.h"

namespace kumiko {

// Appends the tokens of a text: a whole document, or a part of one (TextStart::inside) that goes on where another
// ended.
using Encode = std::function<void(std::string_view text, TextStart start, std::vector<int32_t>& tokens)>;

struct EncodedBlock {
  std::vector<int32_t> tokens;
  // A document ends after this many of the tokens. Ends may coincide: a document without tokens. Tokens after the last
  // end belong to a document that goes on in the next block.
  std::vector<int64_t> ends;
  bool keep_empty_documents = false;  // of JSON lines, as Megatron does; elsewhere nothing is no document
  int64_t bytes_read = 0;
};

// `file_name` and `json_key` serve json_line blocks: user error, naming the file and the line, for a line that is not a
// JSON object with a string under the key. Blank lines are skipped; a text's own line end is no part of it.
EncodedBlock encode_block(const TextBlock& block, DocumentEnd end, const std::string& file_name,
                          const std::string& json_key, const Encode& encode);

}  // namespace kumiko
