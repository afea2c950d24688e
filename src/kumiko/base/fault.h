// Fault injection for tests of crash safety: every durable file operation passes through a named point, and the
// environment variable KUMIKO_FAULT makes the N-th of a kind kill the process or fail with "no space left", or the N-th
// and all after it.
#pragma once

#include <string>

namespace kumiko {

enum class FileOperation { write, sync, rename, append };

// Call immediately before the operation. When the planned fault fires, one line "injected fault: ..." goes to standard
// error first (once), so that a test can assert that it fired; then the process is killed (SIGKILL), or errno is set to
// ENOSPC and true is returned: the caller treats the operation as failed.
bool fault_fires(FileOperation operation, const std::string& path);

}  // namespace kumiko
