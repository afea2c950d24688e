// What a file is, told from its first bytes: its name is a hint, never a proof. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace kumiko {

// Bytes of a file that are looked at.
inline constexpr size_t sample_bytes = size_t{64} << 10;

// "gzip", "zstd", "xz", "bzip2" or "lz4"; empty for others.
std::string_view compression_of(std::string_view begin);

enum class TextEncoding { utf8, utf16_little, utf16_big };
struct ByteOrderMark {
  TextEncoding encoding = TextEncoding::utf8;
  size_t size = 0;  // bytes; 0: there is none
};
ByteOrderMark byte_order_mark(std::string_view begin);

// Why a file that begins so is no text: "a ZIP archive; unpack it first"; empty if nothing speaks against it.
// `nul_is_text`: NUL bytes alone do not.
std::string why_no_text(std::string_view begin, bool nul_is_text);

enum class JsonLayout { none, lines, values };
// Whether a text that begins so is JSON: objects one or more a line, or spread over lines or in an array. `whole`: the
// text ends there.
JsonLayout json_layout(std::string_view begin, bool whole);

// Whether a file of this name is meant to be JSON: .json, .jsonl, .ndjson, .jsonlines, in any case, also in front of an
// ending of compression.
bool is_named_json(std::string name);

}  // namespace kumiko
