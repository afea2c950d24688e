// SentencePiece's own .model files, read and run by its library.
#pragma once

#include <string_view>

#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

// `model`: the bytes of the file. User error if they are no model, or in a build without the library.
Tokenizer tokenizer_from_sentencepiece(std::string_view model);

}  // namespace kumiko
