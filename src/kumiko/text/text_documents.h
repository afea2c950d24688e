// The documents of a block of text, and what was not as it should be in it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "kumiko/text/text_source.h"
#include "kumiko/tokenizer/text_start.h"

namespace kumiko {

struct BlockFacts {
  int64_t num_bytes = 0;       // of text, as UTF-8, JSON and all
  int64_t num_invalid = 0;     // pieces that are not UTF-8: each became one U+FFFD
  int64_t num_characters = 0;  // of more than one byte, that are
  int64_t first_invalid_line = 0;
  int64_t num_nul = 0;
  int64_t first_nul_line = 0;
  int64_t num_bad_lines = 0;  // left out
  int64_t first_bad_line = 0;
  std::string first_reason;
  int64_t num_texts = 0;  // documents, or parts of one, that are not empty
};

struct DocumentVisitor {
  // A whole document, or a part of one: never empty.
  std::function<void(std::string_view text, TextStart start)> text;
  // The document ends here. Without any text before: an empty one.
  std::function<void()> end;
};

// Calls `visit` for each document of `block` in order. A text's own line end is no part of it, nor are blank lines in
// JSON. User error, naming the file and the line, for JSON that is broken or has no text under the key, unless such
// lines are skipped, and for bytes that are not UTF-8 where input.invalid_utf8 is fail.
BlockFacts visit_documents(TextBlock& block, const TextInput& input, const DocumentVisitor& visit);

}  // namespace kumiko
