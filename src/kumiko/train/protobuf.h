// The few pieces of the protocol buffer encoding that logs of other programs take, and the CRC beside them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace kumiko::protobuf {

// A field's key is number << 3 | wire type.
enum class Wire : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

template <class Integer>
void append_little_endian(std::string& out, Integer value) {
  for (size_t i = 0; i < sizeof(Integer); ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

inline void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

inline void append_key(std::string& out, uint64_t number, Wire wire) {
  append_varint(out, number << 3 | static_cast<uint64_t>(wire));
}

inline void append_integer(std::string& out, uint64_t number, uint64_t value) {
  append_key(out, number, Wire::varint);
  append_varint(out, value);
}

// A string, or a message inside another.
inline void append_bytes(std::string& out, uint64_t number, std::string_view bytes) {
  append_key(out, number, Wire::bytes);
  append_varint(out, bytes.size());
  out += bytes;
}

// The CRC of `bytes` with a reflected polynomial, all ones at the beginning and inverted at the end.
template <uint32_t polynomial>
uint32_t crc32(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t value = byte;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1) != 0 ? polynomial : 0u);
      entries[byte] = value;
    }
    return entries;
  }();
  uint32_t crc = ~0u;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xFF] ^ crc >> 8;
  return ~crc;
}

}  // namespace kumiko::protobuf
