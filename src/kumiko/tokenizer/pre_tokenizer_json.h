// The "pre_tokenizer" of tokenizer.json.
#pragma once

#include <memory>

#include "kumiko/base/json_place.h"
#include "kumiko/tokenizer/pre_tokenizer.h"

namespace kumiko {

// Nothing for null. ByteLevel gives bytes, or spells them if `spelled`. User error, naming the place, for what is not
// supported.
std::unique_ptr<PreTokenizer> pre_tokenizer_from_json(const JsonPlace& place, bool spelled);

// Whether it is ByteLevel, or a Sequence that ends with it and has none before.
bool ends_in_byte_level(const JsonPlace& place);

// Whether its last step is a Metaspace that begins a piece at each mark.
bool pieces_are_words(const JsonPlace& place);

}  // namespace kumiko
