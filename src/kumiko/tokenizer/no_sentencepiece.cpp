#include "kumiko/base/error.h"
#include "kumiko/tokenizer/tokenizer_sentencepiece.h"

namespace kumiko {

TokenizerParts parts_from_sentencepiece(std::string_view, SpacePrefix) {
  throw_user(
      "a SentencePiece model, and this kumiko was built without its library: install libsentencepiece-dev and build "
      "again, or use the model's tokenizer.json");
}

}  // namespace kumiko
