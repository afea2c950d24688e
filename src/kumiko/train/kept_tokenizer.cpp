#include "kumiko/train/kept_tokenizer.h"

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/log.h"
#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

// Templates and settings of generation say nothing about the meaning of ids.
static bool says_tokens(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return !name.starts_with("chat_template") && name != "generation_config.json";
}

static void keep_file(const std::filesystem::path& path, const std::filesystem::path& copy, KeptBefore before) {
  const std::string text = read_text_file(path);
  if (std::filesystem::exists(copy)) {
    if (read_text_file(copy) == text) return;
    if (before == KeptBefore::stays && says_tokens(copy)) {
      throw_user(
          "{} differs from {}, which is kept with the checkpoints and is never replaced: they would read and write "
          "other texts. Set data.tokenizer = {}, or name another directory",
          path.string(), copy.string(), copy.parent_path().string());
    }
    if (before == KeptBefore::stays) {
      log::warning("{} differs from {}, which stays", path.string(), copy.string());
      return;
    }
  }
  AtomicFile out(copy);
  out.write(text);
  out.commit();
}

void keep_companions(const std::filesystem::path& folder, const std::filesystem::path& directory, KeptBefore before) {
  std::filesystem::create_directories(directory);
  for (const char* name : companion_files) {
    if (std::filesystem::exists(folder / name)) keep_file(folder / name, directory / name, before);
  }
}

void keep_tokenizer(const std::string& source, const std::filesystem::path& directory, KeptBefore before) {
  if (source.empty() || source == "bytes") return;
  std::filesystem::create_directories(directory);
  if (std::filesystem::is_directory(source)) keep_companions(source, directory, before);
  for (const TokenizerFile& file : tokenizer_files(source)) keep_file(file.path, directory / file.plain_name, before);
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
