// A file of prompts: one a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

struct PromptLines {
  std::vector<std::string> prompts;
  int64_t num_blank = 0;  // lines of white space alone, which are no prompts
};

// Lines end with LF, CR LF or CR, which are no part of a prompt; nor is a byte order mark. User error, naming `origin`,
// if there is no prompt.
PromptLines prompt_lines(std::string_view text, const std::string& origin);

}  // namespace kumiko
