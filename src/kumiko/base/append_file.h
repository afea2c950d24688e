// A file that grows record by record while others may be reading it: logs of metrics and events.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string_view>

namespace kumiko {

class AppendFile {
 public:
  // Opens `path` at its end, or creates it. Environment error, naming the path and the reason, here and in write().
  // User error for a pipe, which is not waited for.
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // Appends a whole record at once, without a buffer: a reader sees it at once, and it survives the process (not the
  // machine: nothing is synced). A record that does not fit is taken back: after a failure the file ends with the
  // record before, and write() may be called again.
  void write(std::string_view record);

  const std::filesystem::path& path() const { return path_; }

 private:
  void take_back();
  [[noreturn]] void fail(int code);

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::optional<off_t> whole_;  // where the records end, if a part of one stands behind them
};

}  // namespace kumiko
