#include "kumiko/base/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/fault.h"
#include "kumiko/base/system_failure.h"

namespace kumiko {

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
  struct stat status {};
  // Without a reader, a pipe says ENXIO in place of waiting.
  const int code = descriptor_ >= 0 && ::fstat(descriptor_, &status) == 0 ? 0 : errno;
  // A device does not wait for a reader, and may be meant: /dev/null, a terminal.
  if (code == 0 && (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode))) return;
  if (descriptor_ >= 0) ::close(descriptor_);
  if (code != 0 && code != ENXIO) {
    throw_environment("cannot open {} for appending: {}", path_.string(), failure_text(code));
  }
  throw_user("cannot append to {}: it is {}, expected a regular file", path_.string(),
             code == ENXIO ? "a pipe (FIFO)" : file_kind(status.st_mode));
}

AppendFile::~AppendFile() { ::close(descriptor_); }

void AppendFile::fail(int code) { throw_environment("cannot append to {}: {}", path_.string(), std::strerror(code)); }

void AppendFile::take_back() {
  if (whole_ && ::ftruncate(descriptor_, *whole_) == 0) whole_.reset();
}

void AppendFile::write(std::string_view record) {
  take_back();
  if (whole_) fail(EIO);
  const off_t end = ::lseek(descriptor_, 0, SEEK_END);
  bool begun = false;
  while (!record.empty()) {
    const ssize_t written =
        fault_fires(FileOperation::append, path_) ? ssize_t{-1} : ::write(descriptor_, record.data(), record.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      const int code = errno;
      if (begun && end >= 0) whole_ = end;
      take_back();
      fail(code);
    }
    begun = begun || written > 0;
    record.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace kumiko
