// Timelines as text: a line a rank, time from left to right.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "kumiko/schedule/timeline.h"

namespace kumiko {

struct TerminalPicture {
  size_t width = 80;  // columns
  int most_ranks = 32;
  bool color = false;  // ANSI colours
};

// Each action is a letter (F, B, W; small in the later parts of a rank: its further stages, or the other direction),
// the number of its micro-batch where there is room, and dashes for as long as it lasts; blanks are bubbles. Lines are
// at most `width` columns, if that is 60 or more; what is left out for it is said in words. Several timelines have one
// scale.
std::string terminal_picture(std::span<const Timeline> timelines, const TerminalPicture& options);

}  // namespace kumiko
