#include "kumiko/train/run_folder.h"

#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/file_lock.h"
#include "kumiko/base/text.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/train/kept_tokenizer.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

// What a run writes beside its checkpoints and no later run may overwrite.
constexpr std::array trace_names = {"metrics.jsonl", "checkpoints.jsonl", "tensorboard", "wandb", "trace"};
constexpr std::string_view checkpoint_prefix = "step-";
constexpr std::string_view superseded_infix = ".superseded.";  // JsonLinesSink

// Names only; none of what cannot be listed.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end; entry.increment(failure)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_there(const fs::path& path) {
  std::error_code failure;
  return fs::exists(path, failure);
}

// An empty file or folder is no loss.
bool holds_anything(const fs::path& path) {
  std::error_code failure;
  return is_there(path) && !fs::is_empty(path, failure);
}

// "; it holds a, b" or "; did you mean ...?": what a person may have meant instead.
std::string nearby(const fs::path& path) {
  std::error_code failure;
  if (fs::is_regular_file(path, failure)) return ": it is a file; name the folder of checkpoints, or one checkpoint";
  if (is_there(path)) {
    std::vector<std::string> runs;
    std::vector<std::string> names = names_in(path);
    std::erase(names, folder_lock_name);
    for (const std::string& name : names) {
      if (is_there(path / name / latest_name) || is_there(path / name / manifest_name)) runs.push_back(name);
    }
    if (!runs.empty()) return fmt::format("; there is one in {}", (path / runs.front()).string());
    if (names.empty()) return ": it is empty";
    const size_t shown = std::min<size_t>(names.size(), 6);
    return fmt::format("; it holds {}{}",
                       fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                       names.size() > shown ? fmt::format(" and {} more", names.size() - shown) : "");
  }
  fs::path parent = path.parent_path();
  if (!is_there(parent)) {
    while (parent.has_relative_path() && !is_there(parent.parent_path())) parent = parent.parent_path();
    return fmt::format(": there is no {}", parent.string());
  }
  std::vector<std::string> folders;
  for (const std::string& name : names_in(parent)) {
    if (fs::is_directory(parent / name, failure)) folders.push_back(name);
  }
  const std::string nearest = nearest_word(path.filename().string(), folders);
  if (!nearest.empty()) return fmt::format("; did you mean {}?", (parent / nearest).string());
  std::vector<int64_t> steps;
  for (const std::string& name : folders) {
    if (const auto step = step_of_name(name); step && is_there(parent / name / manifest_name)) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  if (steps.empty()) return "";
  return fmt::format("; {} holds the steps {}", parent.string(), fmt::join(steps, ", "));
}

// Of the checkpoint that a start would take: who began it.
void read_chosen(FolderFacts& facts) {
  const auto step = chosen_step(facts);
  if (!step) return;
  const fs::path path = facts.is_checkpoint ? facts.path : facts.path / checkpoint_name(*step);
  try {
    facts.manifest_checksum = manifest_checksum(path);
    const RunRecord record = run_record_from_json(read_manifest(path).state, path.string());
    facts.origin = record.origin;
    facts.began_anew = record.began_anew;
  } catch (const Error&) {
    return;  // damaged: then it is nobody's, and who opens it is told
  }
}

void read_steps(FolderFacts& facts) {
  for (const std::string& name : names_in(facts.path)) {
    const auto step = step_of_name(name);
    if (!step) continue;
    if (is_there(facts.path / name / manifest_name)) {
      facts.steps.push_back(*step);
    } else {
      facts.damaged.push_back(name);
    }
  }
  std::sort(facts.steps.begin(), facts.steps.end());
  if (const auto latest = read_latest(facts.path)) {
    facts.latest = latest->step;
    facts.latest_by_hand = !latest->manifest_checksum.has_value();
  }
  if (!facts.latest || facts.steps.empty()) return;
  std::error_code failure;
  const auto newest = fs::last_write_time(facts.path / checkpoint_name(facts.steps.back()) / manifest_name, failure);
  const auto latest = fs::last_write_time(facts.path / latest_name, failure);
  facts.newest_is_after_latest = !failure && newest > latest;
}

// A folder that was not there, for what is set aside.
fs::path new_folder(const fs::path& stem) {
  for (int number = 1;; ++number) {
    const fs::path path = fmt::format("{}.old-{}", stem.string(), number);
    std::error_code failure;
    if (fs::create_directory(path, failure)) return path;
    if (failure) throw_environment("cannot create the directory {}: {}", path.string(), failure.message());
  }
}

// Whether things can be renamed from `folder` into a folder beside it.
bool has_place_beside(const fs::path& folder) {
  struct stat own {};
  struct stat parent {};
  const fs::path above = folder.parent_path();
  return above != folder && ::stat(folder.c_str(), &own) == 0 && ::stat(above.c_str(), &parent) == 0 &&
         own.st_dev == parent.st_dev && ::access(above.c_str(), W_OK | X_OK) == 0;
}

}  // namespace

FolderFacts look_at_folder(const std::string& name) {
  FolderFacts facts;
  facts.name = name;
  facts.path = plain_path(name);
  facts.exists = is_there(facts.path);
  std::error_code failure;
  if (facts.exists && !fs::is_directory(facts.path, failure)) {
    facts.nearby = nearby(facts.path);
    return facts;
  }
  for (const char* trace : trace_names) {
    if (holds_anything(facts.path / trace)) facts.traces.emplace_back(trace);
  }
  facts.is_checkpoint = is_there(facts.path / manifest_name);
  if (facts.is_checkpoint) {
    facts.steps = {0};
    try {
      facts.steps = {read_manifest(facts.path).step};
    } catch (const Error&) {
      // damaged: who opens it is told
    }
  } else {
    read_steps(facts);
  }
  read_chosen(facts);
  if (!facts.holds_checkpoints()) facts.nearby = nearby(facts.path);
  return facts;
}

fs::path set_aside(const fs::path& folder, const std::vector<std::string>& names) {
  const fs::path aside = new_folder(has_place_beside(folder) ? folder : folder / "run");
  for (const std::string& name : names) rename_durably(folder / name, aside / name);
  sync_directory(folder);
  return aside;
}

fs::path set_run_aside(const fs::path& folder) {
  std::vector<std::string> moved;
  std::vector<std::string> copied;
  for (const std::string& name : names_in(folder)) {
    const auto is_one_of = [&name](const auto& names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (is_one_of(companion_files)) {
      copied.push_back(name);
    } else if (is_one_of(trace_names) || name.starts_with(checkpoint_prefix) || name == latest_name ||
               name.starts_with("config.") || name.find(superseded_infix) != std::string::npos) {
      moved.push_back(name);
    }
  }
  const fs::path aside = set_aside(folder, moved);
  for (const std::string& name : copied) {
    std::error_code failure;
    fs::copy(folder / name, aside / name, failure);
    if (failure)
      throw_environment("cannot copy {} to {}: {}", (folder / name).string(), aside.string(), failure.message());
  }
  return aside;
}

}  // namespace kumiko
