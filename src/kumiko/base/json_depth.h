// A guard for JSON of files that others made.
#pragma once

#include <string_view>

namespace kumiko {

// User error if `text` is nested more deeply than any file that is meant seriously: programs that walk through such
// JSON, libraries among them, run out of stack. To be called before it is parsed.
void check_json_depth(std::string_view text);

}  // namespace kumiko
