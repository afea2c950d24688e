#include "kumiko/tokenizer/tokenizer_stream.h"

#include <utility>

#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {

TokenStream::TokenStream(Tokenizer tokenizer, TextStart start)
    : tokenizer_(std::move(tokenizer)),
      first_(start == TextStart::whole),
      strip_left_(first_ ? tokenizer_.decoder().strip_start : 0) {}

std::string TokenStream::push(int32_t id) {
  std::string bytes = first_ ? tokenizer_.first_token_bytes(id) : std::string(tokenizer_.token_bytes(id));
  first_ = first_ && tokenizer_.decoder().first_until_text && bytes.empty();
  strip_beginning(bytes, tokenizer_.decoder().strip_character, strip_left_);
  waiting_ += bytes;
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
