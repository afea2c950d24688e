// Facts about this process, and its end.
#pragma once

#include "kumiko/comm/communicator.h"

namespace kumiko {

// Host name and process id; the local rank is 0.
RankInfo this_process();

// Ends the process at once, without destructors or exit handlers, after writing out what standard streams have buffered
// (for half a second at most: a reader that has gone away must not keep us).
[[noreturn]] void end_process(int exit_code);

}  // namespace kumiko
