// JSON of files that others made: one way to parse it, so that every damage is a user error that names the place.
#pragma once

#include <cstddef>
#include <exception>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace kumiko {

// `text` as JSON. NaN, Infinity and -Infinity count as numbers, as Python writes them. User error, introduced by
// `origin` unless that is empty, with line and column, if `text` is not JSON, has a number that no double holds, or is
// nested more deeply than any file that is meant seriously (libraries that walk through such JSON run out of stack).
nlohmann::json parse_json(std::string_view text, std::string_view origin);
// The same, with the keys of objects in the order of the text.
nlohmann::ordered_json parse_ordered_json(std::string_view text, std::string_view origin);

// The message of an exception of the JSON library without its own name and number; of others, the message as it is.
std::string json_reason(const std::exception& error);

}  // namespace kumiko
