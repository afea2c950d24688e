// What the system and the standard library throw or report, as errors of ours: one place, so that each says what to do.
#pragma once

#include <sys/types.h>

#include <exception>
#include <string>
#include <string_view>

#include "kumiko/base/error.h"

namespace kumiko {

// An Error is given as it is. A failed file operation names its paths and what to do: a user error where a path is
// wrong, an environment error where the disk or a limit is in the way. Memory or threads that run out are environment
// errors. JSON with other types than expected and lengths that no memory holds are user errors. The rest is a bug.
Error error_from(const std::exception& error);

// ": Permission denied; ..." : what an errno means, and what to do where that is known.
std::string failure_text(int code);
// Whether the disk, a limit or the machine is in the way, in place of a wrong path.
bool is_environment_failure(int code);

// "a directory", "a pipe (FIFO)", "a device", ...: what stands where a file should.
std::string_view file_kind(mode_t mode);

}  // namespace kumiko
