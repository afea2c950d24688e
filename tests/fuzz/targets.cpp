#include "fuzz/targets.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <stdexcept>

#include "kumiko/base/error.h"

namespace kumiko::fuzz {
namespace {

constexpr std::array table = {
    Target{"tokenizer_json", tokenizer_json},
    Target{"gpt2_files", gpt2_files},
    Target{"sentencepiece", sentencepiece},
    Target{"encode", encode},
    Target{"tokenizer_config", tokenizer_config},
    Target{"indexed_dataset", indexed_dataset},
    Target{"text_lines", text_lines},
    Target{"safetensors", safetensors},
    Target{"manifest", manifest},
    Target{"hf_config", hf_config},
    Target{"configuration", configuration},
    Target{"http", http},
    Target{"metrics_log", metrics_log},
    Target{"timeline", timeline},
    Target{"kernel_case", kernel_case},
};

class Folder {
 public:
  Folder() {
    // Memory, where there is such a folder: a disk takes milliseconds for each file that is written anew.
    const std::filesystem::path memory = "/dev/shm";
    std::error_code none;
    const bool there = std::filesystem::is_directory(memory, none) && access(memory.c_str(), W_OK) == 0;
    path_ = (there ? memory : std::filesystem::temp_directory_path()) /
            fmt::format("kumiko-fuzz-{}", static_cast<int64_t>(getpid()));
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

std::span<const Target> targets() { return table; }

const Target* find_target(std::string_view name) {
  for (const Target& target : table) {
    if (name == target.name) return &target;
  }
  return nullptr;
}

std::string finding(const Target& target, std::string_view input) {
  try {
    target.run(input);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::internal) return fmt::format("an internal error: {}", error.what());
    if (std::string_view(error.what()).empty()) return "an error without a message";
  } catch (const std::exception& error) {
    return fmt::format("an exception that is no Error: {}", error.what());
  }
  return "";
}

void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

std::filesystem::path file_of(const char* name, std::string_view text) {
  static const Folder folder;
  std::filesystem::path path = folder.path() / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(text.data(), static_cast<std::streamsize>(text.size()));
  return path;
}

std::pair<std::string_view, std::string_view> two_files(std::string_view input) {
  const size_t cut = input.find('\x01');
  if (cut == std::string_view::npos) return {input, {}};
  return {input.substr(0, cut), input.substr(cut + 1)};
}

}  // namespace kumiko::fuzz
