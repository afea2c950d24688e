// A directory that a command makes: with all that belongs in it, or not at all.
#pragma once

#include <filesystem>
#include <optional>

#include "kumiko/base/file_lock.h"

namespace kumiko {

class NewDirectory {
 public:
  // User error if `path` is there and holds anything.
  explicit NewDirectory(std::filesystem::path path);
  // Removes what was made, unless keep() was called.
  ~NewDirectory();
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;

  // User error if another process makes it at this moment: two would mix their files.
  void create();
  // It is complete.
  void keep() { kept_ = true; }

 private:
  std::filesystem::path path_;
  std::optional<FileLock> lock_;
  bool existed_;
  bool created_ = false;
  bool kept_ = false;
};

}  // namespace kumiko
