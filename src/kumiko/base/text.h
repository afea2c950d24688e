// Small text helpers for messages: nearest known word, human-readable numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

// The candidate with the smallest edit distance to `word`, or "" if none is near enough to be a likely typing error.
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);

// "1.50 GiB", "12 KiB"; "124.4 M", "1.3 B" (decimal, for counts); "1 h 02 m", "3 m 07 s", "12.3 s".
std::string human_bytes(double bytes);
std::string human_count(double count);
std::string human_seconds(double seconds);

// `text` with every control character as \xNN, and every byte that is not UTF-8: a name that others chose must not move
// the cursor, change colors or hide what was said. Line breaks are kept where `lines` says so.
enum class LineBreaks { kept, shown };
std::string printable(std::string_view text, LineBreaks lines = LineBreaks::kept);

// "12,345,678"
std::string with_thousands(int64_t value);

std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);

}  // namespace kumiko
