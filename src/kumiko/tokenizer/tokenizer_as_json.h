// Any tokenizer as one tokenizer.json, for programs that read no other form.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace kumiko {

// The document of a tokenizer.json that gives the ids of load_tokenizer(source), with its added tokens, and a template
// for the token that begins a text. SentencePiece's models become BPE or Unigram over characters, and there, as in
// every tokenizer.json, the names of control tokens in a text are those tokens. User error for "bytes", for a model of
// words or characters, and for one whose ids it would not give.
nlohmann::ordered_json tokenizer_as_json(const std::filesystem::path& source);

}  // namespace kumiko
