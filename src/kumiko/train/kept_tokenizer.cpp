#include "kumiko/train/kept_tokenizer.h"

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

static void keep_file(const std::filesystem::path& path, const std::filesystem::path& copy) {
  const std::string text = read_text_file(path);
  if (std::filesystem::exists(copy) && read_text_file(copy) == text) return;
  AtomicFile out(copy);
  out.write(text);
  out.commit();
}

void keep_companions(const std::filesystem::path& folder, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  for (const char* name : companion_files) {
    if (std::filesystem::exists(folder / name)) keep_file(folder / name, directory / name);
  }
}

void keep_tokenizer(const std::string& source, const std::filesystem::path& directory) {
  if (source.empty() || source == "bytes") return;
  std::filesystem::create_directories(directory);
  if (std::filesystem::is_directory(source)) keep_companions(source, directory);
  for (const TokenizerFile& file : tokenizer_files(source)) keep_file(file.path, directory / file.plain_name);
}

std::filesystem::path kept_directory(const std::filesystem::path& checkpoint) {
  for (const auto& directory : {checkpoint, checkpoint.parent_path()}) {
    if (names_tokenizer(directory)) return directory;
  }
  return {};
}

std::string kept_tokenizer(const std::filesystem::path& checkpoint, const std::string& source) {
  if (source == "bytes") return source;
  if (const auto directory = kept_directory(checkpoint); !directory.empty()) return directory.string();
  if (source.empty()) {
    throw_user(
        "{} was trained without data.tokenizer, so there is none to read and write text with; name one with "
        "--tokenizer",
        checkpoint.string());
  }
  return source;
}

}  // namespace kumiko
