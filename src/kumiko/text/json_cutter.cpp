#include "kumiko/text/json_cutter.h"

#include "kumiko/base/error.h"

namespace kumiko {

void JsonCutter::outside(char c, const std::string& origin) {
  if (c == ' ' || c == '\t' || c == '\r' || c == '\n') return;
  if (c == '{' && !(in_array_ && behind_object_)) {
    depth_ = 1;
    began_ = line_;
    return;
  }
  if (c == '[' && !in_array_) {
    in_array_ = true;
    behind_object_ = false;
    return;
  }
  if (c == ']' && in_array_) {
    in_array_ = false;
    behind_object_ = false;
    return;
  }
  if (c == ',' && in_array_ && behind_object_) {
    behind_object_ = false;
    return;
  }
  const std::string found = c > 0x20 && c < 0x7F ? std::string("'") + c + "'" : "something else";
  throw_user(
      "{} line {}: found {} where {}; expected JSON objects, or an array of them, with one document each (--format "
      "text takes the file as plain text)",
      origin, line_, found,
      in_array_ ? (behind_object_ ? "',' or ']' goes on the array" : "an object of the array begins")
                : "an object or an array begins");
}

size_t JsonCutter::scan(std::string_view text, const std::string& origin) {
  size_t last = std::string_view::npos;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
    } else if (depth_ == 0) {
      outside(c, origin);
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      if (--depth_ == 0) {
        behind_object_ = true;
        last = i + 1;
      }
    }
    line_ += c == '\n';
  }
  return last;
}

void JsonCutter::end(const std::string& origin) const {
  if (depth_ > 0) {
    throw_user("{} line {}: the file ends inside the JSON object that begins here: it is cut off", origin, began_);
  }
  if (in_array_) throw_user("{} line {}: the file ends inside its JSON array: it is cut off", origin, line_);
}

}  // namespace kumiko
