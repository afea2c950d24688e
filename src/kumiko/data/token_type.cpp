#include "kumiko/data/token_type.h"

#include <limits>

#include "kumiko/base/error.h"
#include "kumiko/data/unaligned_view.h"

namespace kumiko {
namespace {

template <class T>
void load(const std::byte* from, int64_t count, int64_t* to) {
  const UnalignedView<T> tokens(from, count);
  for (int64_t i = 0; i < count; ++i) to[i] = tokens[i];
}

}  // namespace

bool is_token_type(uint8_t code) { return code >= 1 && code <= 8; }

int64_t token_size(TokenType type) {
  switch (type) {
    case TokenType::u8:
    case TokenType::i8:
      return 1;
    case TokenType::i16:
    case TokenType::u16:
      return 2;
    case TokenType::i32:
    case TokenType::f32:
      return 4;
    case TokenType::i64:
    case TokenType::f64:
      break;
  }
  return 8;
}

const char* token_type_name(TokenType type) {
  constexpr const char* names[] = {"", "uint8", "int8", "int16", "int32", "int64", "float64", "float32", "uint16"};
  return names[static_cast<size_t>(type)];
}

TokenType token_type_for(int64_t vocab_size) { return vocab_size < 65500 ? TokenType::u16 : TokenType::i32; }

int64_t largest_token(TokenType type) {
  switch (type) {
    case TokenType::u8:
      return std::numeric_limits<uint8_t>::max();
    case TokenType::i8:
      return std::numeric_limits<int8_t>::max();
    case TokenType::i16:
      return std::numeric_limits<int16_t>::max();
    case TokenType::u16:
      return std::numeric_limits<uint16_t>::max();
    case TokenType::i32:
      return std::numeric_limits<int32_t>::max();
    case TokenType::i64:
      return std::numeric_limits<int64_t>::max();
    case TokenType::f32:
    case TokenType::f64:
      break;
  }
  return 0;
}

void load_tokens(TokenType type, const std::byte* from, int64_t count, int64_t* to) {
  switch (type) {
    case TokenType::u8:
      return load<uint8_t>(from, count, to);
    case TokenType::i8:
      return load<int8_t>(from, count, to);
    case TokenType::i16:
      return load<int16_t>(from, count, to);
    case TokenType::u16:
      return load<uint16_t>(from, count, to);
    case TokenType::i32:
      return load<int32_t>(from, count, to);
    case TokenType::i64:
      return load<int64_t>(from, count, to);
    case TokenType::f32:
    case TokenType::f64:
      break;
  }
  throw_internal("tokens of type {} cannot be loaded", token_type_name(type));
}

}  // namespace kumiko
