// A file that grows record by record while others may be reading it: logs of metrics and events.
#pragma once

#include <filesystem>
#include <string_view>

namespace kumiko {

class AppendFile {
 public:
  // Opens `path` at its end, or creates it. Environment error, naming the path and the reason, here and in write().
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // Appends a whole record at once, without a buffer: a reader sees it at once, and it survives the process (not the
  // machine: nothing is synced).
  void write(std::string_view record);

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace kumiko
