#include "kumiko/tokenizer/tokenizer_stream.h"

#include <utility>

#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {

std::string TokenStream::push(int32_t id) {
  waiting_ += tokenizer_.token_bytes(id);
  size_t whole = 0;
  while (whole < waiting_.size()) {
    const Utf8Unit unit = utf8_unit(waiting_, whole);
    if (unit.cut_off) break;
    whole += unit.length;
  }
  std::string text = replace_ill_formed_utf8(std::string_view(waiting_).substr(0, whole));
  waiting_.erase(0, whole);
  return text;
}

std::string TokenStream::finish() { return replace_ill_formed_utf8(std::exchange(waiting_, {})); }

}  // namespace kumiko
