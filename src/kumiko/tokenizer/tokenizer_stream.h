// Text out of a generation, as it grows: a token may end inside a character, and what is printed must not.
#pragma once

#include <cstdint>
#include <string>

#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

class TokenStream {
 public:
  // `start`: whether the text begins with the first token, or goes on behind text that is already there.
  explicit TokenStream(Tokenizer tokenizer, TextStart start = TextStart::whole);

  // The text that `id` completes: well-formed UTF-8, perhaps empty. Bytes that can never become a character are
  // U+FFFD.
  std::string push(int32_t id);

  // What was still waiting for its end, as U+FFFD.
  std::string finish();

 private:
  Tokenizer tokenizer_;
  bool first_;
  int64_t strip_left_;
  std::string waiting_;
};

}  // namespace kumiko
