// Places inside a document where it can be cut without changing its tokens.
#pragma once

#include <cstddef>
#include <string_view>

namespace kumiko {

// Where a text may be cut so that the pieces, tokenized apart and joined, give the tokens of the whole (the second
// piece as TextStart::inside).
struct CutPlaces {
  bool at_spaces = false;    // before a space between ASCII letters: the space begins a token
  bool at_newlines = false;  // behind the newline of a line whose last character prints, ASCII or East Asian, where a
                             // letter or digit begins the next: the newline ends a token. Runs of newlines stay whole.
  bool any() const { return at_spaces || at_newlines; }
};

// The last of these places in `text`; 0 if there is none.
size_t last_safe_cut(std::string_view text, CutPlaces places);

// Whether a token with these bytes could reach across such a place, whatever stands around it.
bool reaches_across_space(std::string_view token);
bool reaches_across_newline(std::string_view token);

}  // namespace kumiko
