// Hand-written matchers for the patterns that matter: some ten times as fast as a regular-expression engine. Tests hold
// them against Oniguruma running the pattern itself.
#pragma once

#include <cstddef>
#include <string_view>

namespace kumiko {

// Where the piece that begins at `begin` ends. `text` is well-formed UTF-8 and begin < text.size(). Each piece follows
// the one before without a gap.
size_t gpt2_piece_end(std::string_view text, size_t begin);

// `max_digits`: how many characters of \p{N} one piece takes at most: 3 for Llama 3, 1 for Qwen 2.
size_t llama3_piece_end(std::string_view text, size_t begin, int max_digits);

}  // namespace kumiko
