#include "kumiko/generate/prompts.h"

#include <algorithm>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {

PromptLines prompt_lines(std::string_view text, const std::string& origin) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (const size_t good = well_formed_utf8_prefix(text); good != text.size()) {
    throw_user("{} line {}: byte 0x{:02X} is not UTF-8; convert the file: iconv -f ITS-ENCODING -t UTF-8", origin,
               1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(good), '\n'),
               static_cast<unsigned char>(text[good]));
  }
  PromptLines lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    text.remove_prefix(text.starts_with("\r\n") ? 2 : text.empty() ? 0 : 1);
    if (trim(line).empty()) {
      ++lines.num_blank;
    } else {
      lines.prompts.emplace_back(line);
    }
  }
  if (lines.prompts.empty()) {
    throw_user("{}: {}; expected one prompt a line", origin,
               lines.num_blank == 0 ? "the file is empty" : "all its lines are blank");
  }
  return lines;
}

}  // namespace kumiko
