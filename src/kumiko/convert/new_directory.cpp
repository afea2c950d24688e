#include "kumiko/convert/new_directory.h"

#include "kumiko/base/error.h"

namespace kumiko {

namespace fs = std::filesystem;

NewDirectory::NewDirectory(fs::path path)
    : path_((path / "").lexically_normal().parent_path()), existed_(fs::exists(path_)) {
  if (existed_ && (!fs::is_directory(path_) || !fs::is_empty(path_))) {
    throw_user("{} is there already, and not empty: name a directory to be made for the checkpoint", path_.string());
  }
}

NewDirectory::~NewDirectory() {
  if (!created_ || kept_) return;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path_, ignored)) fs::remove_all(entry.path(), ignored);
  if (!existed_) fs::remove(path_, ignored);
}

void NewDirectory::create() {
  std::error_code code;
  if (path_.has_parent_path()) fs::create_directories(path_.parent_path(), code);
  if (code) throw_environment("cannot create the directory {}: {}", path_.parent_path().string(), code.message());
  lock_.emplace(path_.string() + ".lock", path_.string());
  // Another may have made it meanwhile.
  if (fs::exists(path_) && !fs::is_empty(path_)) throw_user("{} is there already, and not empty", path_.string());
  created_ = true;
  fs::create_directories(path_, code);
  if (code) throw_environment("cannot create the directory {}: {}", path_.string(), code.message());
}

}  // namespace kumiko
