// Files that are either whole or absent: durable writing with fault points, read-only mapping, whole-file reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

// A file being written from its beginning. Every failure is an environment error that names the path and the reason.
class OutputFile {
 public:
  enum class Place : uint8_t {
    // Created anew: a file that is there is replaced, a link removed and not followed; user error if something else
    // stands there (a folder, a pipe, a device).
    any,
    free,  // created; an error if anything has the name, a link included
  };
  explicit OutputFile(std::filesystem::path path, Place place = Place::any);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Appends; small writes are gathered in a buffer.
  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }

  // Flushes, fsyncs and closes: when it returns, the bytes are on the disk. Required before the file counts.
  void finish();

  // Bytes written so far.
  size_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  void flush();

  std::filesystem::path path_;
  int descriptor_ = -1;
  size_t size_ = 0;
  std::vector<char> buffer_;
};

// An OutputFile that appears under its final name only when commit() has put every byte on the disk; until then, and
// if the process dies, the final name keeps what it had. The temporary name is `path` + ".PROCESS-NUMBER.tmp".
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();

  void write(const void* data, size_t size) { file_.write(data, size); }
  void write(std::string_view text) { file_.write(text); }
  size_t size() const { return file_.size(); }
  void commit();

 private:
  std::filesystem::path path_;
  OutputFile file_;
  bool committed_ = false;
};

// Renames and fsyncs the directory that holds `to`, so that the new name survives a power failure.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);
// Exchanges two names in one operation, so that neither is absent at any moment. Environment error on a file system
// that cannot do it.
void exchange_durably(const std::filesystem::path& a, const std::filesystem::path& b);
void sync_directory(const std::filesystem::path& directory);

// A whole file mapped read-only (mapping_fault.h if it shrinks). User error if it cannot be read or is no regular file.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  // Gives back the memory that reading `part` of bytes() has taken; reading it again reads the file again.
  void release(std::span<const std::byte> part) const;

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

// The same path in its one spelling: absolute, links resolved, no slash at the end; it need not exist.
std::filesystem::path plain_path(const std::filesystem::path& path);

// The whole file as text. User error, naming the path, if it cannot be read or is no regular file (a pipe is not waited
// for).
std::string read_text_file(const std::filesystem::path& path);
// The whole file, new or in place of one: there either way, or as it was.
void write_text_file(const std::filesystem::path& path, std::string_view text);

}  // namespace kumiko
