#include "kumiko/train/rank_facts.h"

#include <elf.h>
#include <fmt/ranges.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>

#include "kumiko/base/file.h"
#include "kumiko/base/text.h"
#include "kumiko/checkpoint/checksum.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/data/blend.h"
#include "kumiko/data/indexed_dataset.h"
#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

constexpr const char* same_options = "Give every rank the same configuration file and command line.";
constexpr const char* same_files =
    "Ranks on different hosts must read the same files: use a folder on a file system that all nodes share, or copies "
    "that are equal.";

// The linker's number of this program (the note NT_GNU_BUILD_ID); "" where the linker writes none.
std::string build_id() {
  std::string id;
  const auto look = [](dl_phdr_info* object, size_t, void* result) {
    for (int i = 0; i < object->dlpi_phnum; ++i) {
      const ElfW(Phdr)& header = object->dlpi_phdr[i];
      if (header.p_type != PT_NOTE) continue;
      const auto* bytes = reinterpret_cast<const char*>(object->dlpi_addr + header.p_vaddr);
      size_t place = 0;
      while (place + sizeof(ElfW(Nhdr)) <= header.p_memsz) {
        ElfW(Nhdr) note;
        std::memcpy(&note, bytes + place, sizeof note);
        const size_t name = place + sizeof note;
        const size_t content = name + (note.n_namesz + 3) / 4 * 4;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(bytes + name, "GNU", 4) == 0) {
          for (size_t b = 0; b < note.n_descsz; ++b) {
            *static_cast<std::string*>(result) += fmt::format("{:02x}", static_cast<unsigned char>(bytes[content + b]));
          }
        }
        place = content + (note.n_descsz + 3) / 4 * 4;
      }
    }
    return 1;  // the first object is the program itself
  };
  dl_iterate_phdr(look, &id);
  return id;
}

// Blocks of the file, spread evenly, the first and the last among them.
uint64_t sampled_checksum(const MappedFile& file) {
  constexpr size_t block = 4096;
  constexpr size_t most_blocks = 64;
  const auto bytes = file.bytes();
  const size_t blocks = (bytes.size() + block - 1) / block;
  const size_t count = std::min(blocks, most_blocks);
  Checksum checksum;
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = (count == 1 ? 0 : i * (blocks - 1) / (count - 1)) * block;
    const auto part = bytes.subspan(begin, std::min(block, bytes.size() - begin));
    checksum.update(part.data(), part.size());
  }
  return checksum.value();
}

// The prefixes that a run reads, each once.
std::set<std::string> prefixes_of(const DataOptions& data, bool validates) {
  std::set<std::string> prefixes;
  for (const Split split : {Split::train, Split::valid}) {
    if (split == Split::valid && !validates) continue;
    const Blend blend = parse_blend(data.path_for(split));
    prefixes.insert(blend.prefixes.begin(), blend.prefixes.end());
  }
  return prefixes;
}

std::string checksum_of_manifest(const fs::path& checkpoint) {
  try {
    return "manifest checksum " + manifest_checksum(checkpoint);
  } catch (const Error& error) {
    return error.what();
  }
}

std::string checkpoints_in(const fs::path& folder) {
  std::error_code code;
  const fs::file_status status = fs::status(folder, code);
  if (status.type() == fs::file_type::not_found) return "no such folder";
  if (code) return fmt::format("cannot be read: {}", code.message());
  if (!fs::is_directory(status)) return "no folder";
  if (fs::exists(folder / manifest_name, code)) return "a checkpoint, " + checksum_of_manifest(folder);
  std::vector<int64_t> steps;
  std::optional<Latest> latest;
  try {
    steps = list_checkpoints(folder);
    latest = read_latest(folder);
  } catch (const Error& error) {
    return error.what();
  }
  if (!latest && steps.empty()) return "no checkpoint";
  const int64_t step = latest ? latest->step : steps.back();
  std::string text = fmt::format("step {}{}, {}", step, latest ? "" : " (without `latest`)",
                                 checksum_of_manifest(folder / checkpoint_name(step)));
  if (steps.size() > 1 || (steps.size() == 1 && steps[0] != step)) {
    text += fmt::format("; complete steps {}", fmt::join(steps, ", "));
  }
  return text;
}

}  // namespace

Fact program_fact() {
  const std::string id = build_id();
  return {"the program", fmt::format("kumiko {}{}", kumiko_version(), id.empty() ? "" : ", build " + id.substr(0, 16)),
          "Start the same build of kumiko on every node."};
}

std::vector<Fact> option_facts(const OptionTable& table) {
  std::vector<Fact> facts;
  for (const Option& option : table.options()) facts.push_back({option.name(), option.get(), same_options});
  return facts;
}

std::vector<Fact> option_facts(Config& config) { return option_facts(config.table()); }

Fact tokenizer_fact(const std::string& source) {
  Checksum checksum;
  std::vector<std::string> names;
  for (const TokenizerFile& file : tokenizer_files(source)) {
    const std::string text = read_text_file(file.path);
    const std::string name = file.path.filename().string();
    const std::string header = fmt::format("{} {}\n", name, text.size());
    checksum.update(header.data(), header.size());
    checksum.update(text.data(), text.size());
    names.push_back(name);
  }
  const std::string value =
      names.empty() ? "no file is read"
                    : fmt::format("checksum {} of {}", checksum_text(checksum.value()), fmt::join(names, ", "));
  return {"the tokenizer " + source, value, same_files};
}

std::vector<Fact> dataset_facts(const DataOptions& data, bool validates) {
  std::vector<Fact> facts;
  for (const std::string& prefix : prefixes_of(data, validates)) {
    const MappedFile index(index_path(prefix));
    const MappedFile tokens(tokens_path(prefix));
    facts.push_back(
        {"the dataset " + prefix,
         fmt::format("index {}, {} bytes of tokens, samples of them {}", checksum_text(checksum_of(index.bytes())),
                     with_thousands(static_cast<int64_t>(tokens.bytes().size())),
                     checksum_text(sampled_checksum(tokens))),
         same_files});
  }
  return facts;
}

Fact checkpoints_fact(const std::string& name, const std::string& folder) {
  return {fmt::format("the checkpoints in {} = {}", name, folder), checkpoints_in(folder),
          fmt::format("Every rank must see the same folder: put {} on a file system that all nodes share; if it is "
                      "there and lags behind, start again in a minute.",
                      name)};
}

}  // namespace kumiko
