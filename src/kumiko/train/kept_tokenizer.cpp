#include "kumiko/train/kept_tokenizer.h"

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

void keep_tokenizer(const std::string& source, const std::filesystem::path& directory) {
  if (source.empty() || source == "bytes") return;
  std::filesystem::create_directories(directory);
  for (const TokenizerFile& file : tokenizer_files(source)) {
    const std::string text = read_text_file(file.path);
    const std::filesystem::path copy = directory / file.plain_name;
    if (std::filesystem::exists(copy) && read_text_file(copy) == text) continue;
    AtomicFile out(copy);
    out.write(text);
    out.commit();
  }
}

std::string kept_tokenizer(const std::filesystem::path& checkpoint, const std::string& source) {
  if (source == "bytes") return source;
  for (const auto& directory : {checkpoint, checkpoint.parent_path()}) {
    if (names_tokenizer(directory)) return directory.string();
  }
  if (source.empty()) {
    throw_user(
        "{} was trained without data.tokenizer, so there is none to read and write text with; name one with "
        "--tokenizer",
        checkpoint.string());
  }
  return source;
}

}  // namespace kumiko
