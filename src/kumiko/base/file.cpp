#include "kumiko/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/fault.h"
#include "kumiko/base/mapping_fault.h"
#include "kumiko/base/system_failure.h"

namespace kumiko {
namespace {

constexpr size_t buffer_size = size_t{1} << 20;

[[noreturn]] void throw_file_error(std::string_view action, const std::filesystem::path& path, int code) {
  if (code == ENOSPC || code == EDQUOT) {
    throw_environment(
        "cannot {} {}: no space left on the disk; free some space or choose another place, then run again", action,
        path.string());
  }
  throw_environment("cannot {} {}: {}", action, path.string(), failure_text(code));
}

[[noreturn]] void throw_unreadable(const std::filesystem::path& path, int code) {
  throw_user("cannot read {}: {}", path.string(), std::strerror(code));
}

// Opens a regular file, perhaps through links; a pipe or a device is never waited for. The caller closes.
int open_regular(const std::filesystem::path& path, struct stat& status) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) throw_unreadable(path, errno);
  const int code = ::fstat(descriptor, &status) == 0 ? 0 : errno;
  if (code == 0 && S_ISREG(status.st_mode)) return descriptor;
  ::close(descriptor);
  if (code != 0 || S_ISDIR(status.st_mode)) throw_unreadable(path, code != 0 ? code : EISDIR);
  throw_user("cannot read {}: it is {}, expected a regular file", path.string(), file_kind(status.st_mode));
}

// Creates `path` anew: what stood there, perhaps a link that somebody planted, is removed, never followed.
// With Place::free nothing may stand there.
int create_anew(const std::filesystem::path& path, OutputFile::Place place) {
  for (bool again = place == OutputFile::Place::any;; again = false) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (descriptor >= 0) return descriptor;
    struct stat status {};
    if (errno != EEXIST || !again || ::lstat(path.c_str(), &status) != 0) throw_file_error("create", path, errno);
    if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
      throw_user("cannot create {}: {} stands there; move it away, or choose another place", path.string(),
                 file_kind(status.st_mode));
    }
    if (::unlink(path.c_str()) != 0) throw_file_error("replace", path, errno);
  }
}

}  // namespace

OutputFile::OutputFile(std::filesystem::path path, Place place) : path_(std::move(path)) {
  descriptor_ = create_anew(path_, place);
  buffer_.reserve(buffer_size);
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

static void write_all(int descriptor, const char* data, size_t size, const std::filesystem::path& path) {
  while (size > 0) {
    if (fault_fires(FileOperation::write, path)) throw_file_error("write", path, errno);
    const ssize_t written = ::write(descriptor, data, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_file_error("write", path, errno);
    }
    data += written;
    size -= static_cast<size_t>(written);
  }
}

void OutputFile::write(const void* data, size_t size) {
  const char* bytes = static_cast<const char*>(data);
  size_ += size;
  if (buffer_.size() + size <= buffer_size) {
    buffer_.insert(buffer_.end(), bytes, bytes + size);
    return;
  }
  flush();
  if (size >= buffer_size) {
    write_all(descriptor_, bytes, size, path_);
  } else {
    buffer_.assign(bytes, bytes + size);
  }
}

void OutputFile::flush() {
  write_all(descriptor_, buffer_.data(), buffer_.size(), path_);
  buffer_.clear();
}

void OutputFile::finish() {
  flush();
  if (fault_fires(FileOperation::sync, path_) || ::fsync(descriptor_) != 0) throw_file_error("sync", path_, errno);
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0) throw_file_error("close", path_, errno);
}

// A name of its own for each writer: two that write the same file at once must not write into one.
static std::filesystem::path temporary_name(const std::filesystem::path& path) {
  static std::atomic<int> counter{0};
  std::error_code failure;
  while (true) {
    std::filesystem::path name = fmt::format("{}.{}-{}.tmp", path.string(), ::getpid(), counter++);
    if (!std::filesystem::exists(std::filesystem::symlink_status(name, failure))) return name;
  }
}

AtomicFile::AtomicFile(std::filesystem::path path)
    : path_(std::move(path)), file_(temporary_name(path_), OutputFile::Place::free) {}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(file_.path().c_str());
}

void AtomicFile::commit() {
  file_.finish();
  rename_durably(file_.path(), path_);
  committed_ = true;
}

void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (fault_fires(FileOperation::rename, to) || ::rename(from.c_str(), to.c_str()) != 0) {
    throw_file_error("rename " + from.string() + " to", to, errno);
  }
  sync_directory(to.parent_path());
}

void exchange_durably(const std::filesystem::path& a, const std::filesystem::path& b) {
  if (fault_fires(FileOperation::rename, b) ||
      ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) != 0) {
    throw_file_error("exchange " + a.string() + " with", b, errno);
  }
  sync_directory(a.parent_path());
  if (a.parent_path() != b.parent_path()) sync_directory(b.parent_path());
}

void sync_directory(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory.empty() ? "." : directory;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw_file_error("open directory", path, errno);
  const bool failed = fault_fires(FileOperation::sync, path) || ::fsync(descriptor) != 0;
  const int code = errno;
  ::close(descriptor);
  if (failed) throw_file_error("sync directory", path, code);
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  struct stat status {};
  const int descriptor = open_regular(path, status);
  size_ = static_cast<size_t>(status.st_size);
  if (size_ > 0) {
    data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    const int code = errno;
    ::close(descriptor);
    if (data_ == MAP_FAILED) throw_unreadable(path, code);
    watch_mapping(data_, size_, path);
  } else {
    ::close(descriptor);
  }
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

void MappedFile::release(std::span<const std::byte> part) const {
  if (part.empty()) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(part.data()) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(part.data()) + part.size();
  // Advice only: where the system does not take it, the memory stays until the file is closed.
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  forget_mapping(data_);
  ::munmap(data_, size_);
}

std::filesystem::path plain_path(const std::filesystem::path& path) {
  std::error_code failure;
  std::filesystem::path plain = std::filesystem::weakly_canonical(std::filesystem::absolute(path), failure);
  if (failure) plain = std::filesystem::absolute(path).lexically_normal();
  return plain.has_filename() ? plain : plain.parent_path();
}

std::string read_text_file(const std::filesystem::path& path) {
  struct stat status {};
  const int descriptor = open_regular(path, status);
  std::string text;
  size_t size = 0;
  int code = 0;
  while (true) {
    // Files of the system have a size of 0.
    if (size == text.size()) text.resize(std::max(size + size / 2, static_cast<size_t>(status.st_size) + 4096));
    const ssize_t count = ::read(descriptor, text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) code = errno;
    if (count <= 0) break;
    size += static_cast<size_t>(count);
  }
  ::close(descriptor);
  if (code != 0) throw_unreadable(path, code);
  text.resize(size);
  return text;
}

void write_text_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace kumiko
