// The logger for signal handlers, which may neither take a lock nor ask for memory. Straight to standard error.
#pragma once

#include <string_view>

#include "kumiko/base/log.h"

namespace kumiko::log {

// The beginning of a line: the rank, and what its level begins with.
void begin_in_handler(Level level);
// The pieces of the line; the last one ends with the line break.
void write_in_handler(std::string_view piece);

}  // namespace kumiko::log
