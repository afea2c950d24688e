// GPT-2's byte alphabet: 256 printable characters that stand for the 256 bytes in vocabulary files. Bytes 21..7E,
// A1..AC and AE..FF are themselves as characters; the other 68 are U+0100 and up, in byte order (space is U+0120).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace kumiko {

// The character for each byte.
const std::array<char32_t, 256>& byte_alphabet();

std::string to_byte_alphabet(std::string_view bytes);

// The bytes that `text` spells, or nothing where a character is not of the alphabet.
std::optional<std::string> from_byte_alphabet(std::string_view text);

}  // namespace kumiko
