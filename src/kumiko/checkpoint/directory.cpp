#include "kumiko/checkpoint/directory.h"

#include <algorithm>
#include <charconv>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/text.h"
#include "kumiko/checkpoint/checksum.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

constexpr const char* manifest_checksum_name = "manifest.json.xxh3";
constexpr std::string_view prefix = "step-";
constexpr const char* temporary_suffix = ".tmp";
constexpr const char* replaced_suffix = ".replaced.tmp";

// The line that `xxhsum` writes and checks.
std::string checksum_line(const std::string& checksum) { return "XXH3_" + checksum + "  " + manifest_name + "\n"; }

bool is_checksum(std::string_view text) {
  return text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_temporary(const std::string& name) {
  if (name.starts_with(std::string(latest_name) + ".") && name.ends_with(temporary_suffix)) return true;
  for (const std::string_view suffix : {replaced_suffix, temporary_suffix}) {
    if (name.ends_with(suffix) && step_of_name(std::string_view(name).substr(0, name.size() - suffix.size()))) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator entry(directory, code), end; !code && entry != end; entry.increment(code)) {
    names.push_back(entry->path().filename().string());
  }
  if (code) throw_environment("cannot list {}: {}", directory.string(), code.message());
  return names;
}

void remove_tree(const fs::path& path) {
  std::error_code code;
  fs::remove_all(path, code);
  if (code) throw_environment("cannot remove {}: {}", path.string(), code.message());
}

void make_directory(const fs::path& path) {
  std::error_code code;
  const bool created = fs::create_directories(path, code);
  if (code) throw_environment("cannot create the directory {}: {}", path.string(), code.message());
  if (created) sync_directory(path.parent_path());
}

void write_latest(const fs::path& root, const std::string& text) {
  AtomicFile file(root / latest_name);
  file.write(text + "\n");
  file.commit();
}

std::string write_manifest(const fs::path& directory, const Manifest& manifest) {
  const std::string text = to_json(manifest);
  OutputFile file(directory / manifest_name);
  file.write(text);
  file.finish();
  const std::string checksum = checksum_text(checksum_of(text));
  OutputFile checksum_file(directory / manifest_checksum_name);
  checksum_file.write(checksum_line(checksum));
  checksum_file.finish();
  return checksum;
}

// Makes the name of a checkpoint free, or takes it by exchange if `latest` names it. True if it took it.
bool replace_existing(const fs::path& root, int64_t step) {
  const fs::path final = root / checkpoint_name(step);
  if (!fs::exists(final)) return false;
  const auto latest = read_latest(root);
  if (latest && latest->step == step) {
    write_latest(root, checkpoint_name(step));  // without the checksum of what goes
    exchange_durably(temporary_directory(root, step), final);
    return true;
  }
  rename_durably(final, final.string() + replaced_suffix);
  return false;
}

}  // namespace

std::string checkpoint_name(int64_t step) { return fmt::format("{}{:07}", prefix, step); }

std::optional<int64_t> step_of_name(std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size());
  int64_t step = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  // One spelling for each step.
  if (failure != std::errc() || step < 0 || checkpoint_name(step) != name) return std::nullopt;
  return step;
}

std::string data_file_name(int rank, int num_ranks) {
  return fmt::format("rank-{:05}-of-{:05}.safetensors", rank, num_ranks);
}

fs::path temporary_directory(const fs::path& root, int64_t step) {
  return root / (checkpoint_name(step) + temporary_suffix);
}

std::vector<int64_t> list_checkpoints(const fs::path& root) {
  std::vector<int64_t> steps;
  for (const std::string& name : names_in(root)) {
    const auto step = step_of_name(name);
    if (step && fs::exists(root / name / manifest_name)) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::optional<Latest> read_latest(const fs::path& root) {
  const fs::path path = root / latest_name;
  if (!fs::exists(path)) return std::nullopt;
  const std::string text = read_text_file(path);
  // "NAME CHECKSUM\n"; by hand a person may write "NAME", with or without the newline. Nothing else will do.
  std::string_view line = text;
  if (line.ends_with('\n')) line.remove_suffix(1);
  const size_t space = line.find(' ');
  Latest latest;
  if (space != std::string_view::npos) latest.manifest_checksum = line.substr(space + 1);
  const auto step = step_of_name(line.substr(0, space));
  if (!step || (latest.manifest_checksum && !is_checksum(*latest.manifest_checksum))) {
    throw_user("{} is damaged: it says '{}', not the name of a checkpoint as in '{}'", path.string(),
               trim(text.substr(0, 100)), checkpoint_name(100));
  }
  latest.step = *step;
  return latest;
}

std::string manifest_checksum(const fs::path& checkpoint) {
  return checksum_text(checksum_of(read_text_file(checkpoint / manifest_name)));
}

void write_latest(const fs::path& root, int64_t step) {
  write_latest(root, checkpoint_name(step) + " " + manifest_checksum(root / checkpoint_name(step)));
}

Manifest read_manifest(const fs::path& checkpoint) {
  const fs::path path = checkpoint / manifest_name;
  if (!fs::exists(path)) {
    throw_user("{} is not a complete checkpoint: it has no {}", checkpoint.string(), manifest_name);
  }
  const std::string text = read_text_file(path);
  const std::string expected = checksum_line(checksum_text(checksum_of(text)));
  const std::string found = read_text_file(checkpoint / manifest_checksum_name);
  if (found != expected) {
    throw_user("{} is damaged: its checksum is '{}', but {} says '{}'", path.string(), trim(expected),
               manifest_checksum_name, trim(std::string_view(found).substr(0, 100)));
  }
  Manifest manifest = parse_manifest(text, path.string());
  // A right checksum says only that this is what somebody wrote: a hole would become weights that nobody set.
  if (const auto defect = defect_of(manifest)) {
    throw_user("{} does not describe whole tensors: {}; the checkpoint cannot be used", path.string(), *defect);
  }
  return manifest;
}

void begin_checkpoint(const fs::path& root, int64_t step) {
  make_directory(root);
  for (const std::string& name : names_in(root)) {
    if (is_temporary(name)) remove_tree(root / name);
  }
  make_directory(temporary_directory(root, step));
}

void commit_checkpoint(const fs::path& root, const Manifest& manifest) {
  const fs::path temporary = temporary_directory(root, manifest.step);
  const fs::path final = root / checkpoint_name(manifest.step);
  const std::string checksum = write_manifest(temporary, manifest);
  sync_directory(temporary);
  if (!replace_existing(root, manifest.step)) rename_durably(temporary, final);
  write_latest(root, checkpoint_name(manifest.step) + " " + checksum);
  std::error_code ignored;  // what was replaced is no longer needed, and the next save removes it if this one does not
  fs::remove_all(temporary, ignored);
  fs::remove_all(final.string() + replaced_suffix, ignored);
}

void prune_checkpoints(const fs::path& root, int64_t step, int64_t keep_last) {
  if (keep_last == 0) return;
  std::vector<int64_t> steps = list_checkpoints(root);
  std::erase_if(steps, [step](int64_t other) { return other > step; });
  const auto latest = read_latest(root);
  for (size_t i = 0; i + static_cast<size_t>(keep_last) < steps.size(); ++i) {
    if (latest && latest->step == steps[i]) continue;
    const fs::path temporary = temporary_directory(root, steps[i]);
    rename_durably(root / checkpoint_name(steps[i]), temporary);
    remove_tree(temporary);
  }
}

}  // namespace kumiko
