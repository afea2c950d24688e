// The pieces of a SentencePiece model, with their scores.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kumiko {

struct SentencePiece {
  std::string text;
  float score = 0;
  int32_t type = 1;  // 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
};

// Those of a `.model` file, by id. User error if it is not such a file.
std::vector<SentencePiece> read_sentencepiece_model(const std::filesystem::path& path);

}  // namespace kumiko
