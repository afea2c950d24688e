// What every subcommand says that takes a tokenizer.
#pragma once

namespace kumiko {

inline constexpr const char* tokenizer_help =
    "\"bytes\", a tokenizer.json, a SentencePiece .model, a folder that holds one, or encoder.json with vocab.bpe "
    "beside it";

}  // namespace kumiko
