#include "kumiko/tokenizer/bpe_byte_map.h"

#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

constexpr char32_t num_characters = 0x100 + 68;

bool stands_for_itself(int byte) { return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD); }

std::array<char32_t, 256> make_alphabet() {
  std::array<char32_t, 256> alphabet;
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    alphabet[static_cast<size_t>(byte)] = stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++;
  }
  return alphabet;
}

std::array<int, num_characters> make_bytes() {
  std::array<int, num_characters> bytes;
  bytes.fill(-1);
  for (size_t byte = 0; byte < 256; ++byte) bytes[byte_alphabet()[byte]] = static_cast<int>(byte);
  return bytes;
}

}  // namespace

const std::array<char32_t, 256>& byte_alphabet() {
  static const std::array<char32_t, 256> alphabet = make_alphabet();
  return alphabet;
}

std::string to_byte_alphabet(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) append_utf8(text, byte_alphabet()[static_cast<unsigned char>(byte)]);
  return text;
}

std::optional<std::string> from_byte_alphabet(std::string_view text) {
  static const std::array<int, num_characters> bytes = make_bytes();
  if (well_formed_utf8_prefix(text) != text.size()) return std::nullopt;
  std::string result;
  size_t length;
  for (size_t position = 0; position < text.size(); position += length) {
    const char32_t character = decode_utf8(text, position, length);
    if (character >= num_characters || bytes[character] < 0) return std::nullopt;
    result += static_cast<char>(bytes[character]);
  }
  return result;
}

}  // namespace kumiko
