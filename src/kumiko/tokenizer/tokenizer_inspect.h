// What a person reads and types where ids are concerned.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

// A page on a tokenizer: kind, sizes, special tokens, longest tokens, examples.
std::string describe_tokenizer(const Tokenizer& tokenizer);

// Bytes in quotes for a terminal: printable UTF-8 as it is, the rest as \n, \t, \" or \xHH.
std::string quote_bytes(std::string_view bytes);

// "1 2 3", or "[1,2,3]" as JSON.
std::string format_ids(const std::vector<int32_t>& ids, bool as_json);

// Ids between anything that is white space, comma or bracket. User error, naming the word, for anything else.
std::vector<int32_t> parse_ids(std::string_view text);

}  // namespace kumiko
