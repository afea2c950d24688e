#include "kumiko/base/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kumiko/base/error.h"

namespace kumiko {

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw_environment("cannot open {} for appending: {}", path_.string(), std::strerror(errno));
}

AppendFile::~AppendFile() { ::close(descriptor_); }

void AppendFile::write(std::string_view record) {
  while (!record.empty()) {
    const ssize_t written = ::write(descriptor_, record.data(), record.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_environment("cannot append to {}: {}", path_.string(), std::strerror(errno));
    }
    record.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace kumiko
