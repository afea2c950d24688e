// The text under a key of a JSON object, read without building the object: what else it holds is checked and passed
// over, whatever its size, depth or numbers.
//
// Beyond RFC 8259, as Python writes and reads them: NaN, Infinity and -Infinity; and half of a surrogate pair (an
// escape \ud83d alone), which becomes U+FFFD and is counted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kumiko {

// Thrown where a text stops being JSON, or is none that was asked for.
struct BadJson {
  size_t position;  // in the text
  bool is_json;     // the text is JSON, but its key or the key's value is wrong
  std::string reason;
};

struct JsonText {
  std::string text;
  size_t end = 0;  // of the object
  int64_t half_surrogates = 0;
};

// Of the object that begins at text[begin] (a '{'). `key` is looked for as it is, then, if it has dots, as a path
// through objects ("meta.text"). BadJson if the key is missing, given twice, or its value is no string; the reason
// names the keys that do have text.
JsonText read_json_text(std::string_view text, size_t begin, std::string_view key);

// Where the value that begins at text[begin] ends. BadJson, with text.size() as position if the text ends inside it.
size_t json_value_end(std::string_view text, size_t begin);

}  // namespace kumiko
