// The number types that Megatron's indexed datasets store tokens in, by the code in the .idx header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kumiko {

enum class TokenType : uint8_t { u8 = 1, i8 = 2, i16 = 3, i32 = 4, i64 = 5, f64 = 6, f32 = 7, u16 = 8 };

// True for the eight codes that exist.
bool is_token_type(uint8_t code);

// Bytes a token.
int64_t token_size(TokenType type);

// "uint16", "int32", ...
const char* token_type_name(TokenType type);

// The type for a vocabulary: u16 below 65,500 tokens, else i32, as Megatron's tools choose.
TokenType token_type_for(int64_t vocab_size);

// The largest token id that the type holds, or 0 for the floating types, which hold none.
int64_t largest_token(TokenType type);

// Writes `count` tokens, stored back to back at any byte address, as i64. Not for the floating types (internal error).
void load_tokens(TokenType type, const std::byte* from, int64_t count, int64_t* to);

}  // namespace kumiko
