// Where objects end in JSON that is not in lines: spread over lines, one behind another, or in an array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kumiko {

class JsonCutter {
 public:
  // Goes through `text`, which follows on what it saw before. Returns the position behind the last object that ends in
  // it, or npos. User error, naming `origin` and the line, for anything but objects and arrays of objects.
  size_t scan(std::string_view text, const std::string& origin);
  // User error if the text must not end here.
  void end(const std::string& origin) const;

 private:
  void outside(char c, const std::string& origin);

  int64_t line_ = 1;
  int64_t began_ = 0;  // the line of the object, or the array, that is open
  int64_t depth_ = 0;  // of brackets in an object
  bool in_string_ = false;
  bool escaped_ = false;
  bool in_array_ = false;
  bool behind_object_ = false;
};

}  // namespace kumiko
