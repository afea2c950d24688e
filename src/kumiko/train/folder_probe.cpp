#include "kumiko/train/folder_probe.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "kumiko/base/clock.h"
#include "kumiko/base/log.h"
#include "kumiko/base/text.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/checkpoint/exchange.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view probe_prefix = ".kumiko-probe-";

std::string reason(int error) { return std::strerror(error); }

// Folders made for a probe, innermost first.
class MadeFolders {
 public:
  MadeFolders(const std::string& option, const fs::path& folder) {
    std::error_code code;
    std::vector<fs::path> missing;
    for (fs::path path = fs::absolute(folder).lexically_normal(); !path.empty(); path = path.parent_path()) {
      if (fs::exists(path, code) || path == path.root_path()) break;
      if (path.has_filename()) missing.push_back(path);
    }
    fs::create_directories(folder, code);
    made_ = std::move(missing);
    if (!code && !fs::is_directory(folder, code)) code = std::make_error_code(std::errc::not_a_directory);
    if (!code) return;
    remove();
    throw_environment("{} = {}: the folder cannot be made: {}", option, folder.string(), code.message());
  }
  ~MadeFolders() { remove(); }
  // They are wanted, from here on.
  void keep() { made_.clear(); }
  MadeFolders(const MadeFolders&) = delete;
  MadeFolders& operator=(const MadeFolders&) = delete;

 private:
  // Those that hold nothing yet.
  void remove() const {
    for (const fs::path& path : made_) ::rmdir(path.c_str());
  }
  std::vector<fs::path> made_;
};

// A file that is there as long as the object.
class ProbeFile {
 public:
  ProbeFile(const std::string& option, const fs::path& path) : path_(path) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) fail(option, "a file cannot be made there", errno);
    constexpr std::array<char, 4096> block{};
    int error = 0;
    const char* action = "written";
    const ssize_t written = ::write(descriptor, block.data(), block.size());
    if (written != static_cast<ssize_t>(block.size())) {
      error = written < 0 ? errno : ENOSPC;
    } else if (::fsync(descriptor) != 0) {
      error = errno;
      action = "synced";
    }
    if (::close(descriptor) != 0 && error == 0) error = errno;
    if (error == 0) return;
    ::unlink(path_.c_str());
    fail(option, fmt::format("a file there cannot be {}", action), error);
  }
  ~ProbeFile() { ::unlink(path_.c_str()); }
  ProbeFile(const ProbeFile&) = delete;
  ProbeFile& operator=(const ProbeFile&) = delete;

 private:
  [[noreturn]] void fail(const std::string& option, const std::string& what, int error) const {
    throw_environment("{} = {}: {}: {}; nothing could be saved", option, path_.parent_path().string(), what,
                      reason(error));
  }
  fs::path path_;
};

// What probes that were killed have left.
void remove_old_probes(const fs::path& folder) {
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    if (!entry->path().filename().string().starts_with(probe_prefix)) continue;
    std::error_code ignored;
    const auto written = fs::last_write_time(entry->path(), ignored);
    if (!ignored && written + std::chrono::hours(1) < fs::file_time_type::clock::now()) {
      ::unlink(entry->path().c_str());
    }
  }
}

std::string token() {
  return fmt::format("{}-{:x}", ::getpid(), std::chrono::system_clock::now().time_since_epoch().count());
}

// What this rank sees where rank 0 has put `marker`.
std::string sight_of(const fs::path& marker, double seconds) {
  const double begin = seconds_now();
  while (true) {
    std::error_code code;
    if (fs::exists(marker, code)) return "the folder of rank 0";
    if (seconds_now() - begin >= seconds) break;
    // Reading the folder makes a network file system ask its server.
    for (fs::directory_iterator entry(marker.parent_path(), code), end; !code && entry != end; entry.increment(code)) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  std::error_code code;
  return fs::is_directory(marker.parent_path(), code) ? "another folder" : "no such folder";
}

int64_t bytes_of_unfinished(const fs::path& folder) {
  int64_t bytes = 0;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with("step-") || !name.ends_with(".tmp")) continue;
    std::error_code inner;
    for (fs::directory_iterator file(entry->path(), inner), last; !inner && file != last; file.increment(inner)) {
      std::error_code ignored;
      const auto size = file->file_size(ignored);
      if (!ignored) bytes += static_cast<int64_t>(size);
    }
  }
  return bytes;
}

// The nearest folder around `path` that is there.
fs::path existing_part(fs::path path) {
  std::error_code code;
  path = fs::absolute(path);
  while (!fs::exists(path, code) && path != path.root_path()) path = path.parent_path();
  return path;
}

int64_t saves_to_come(const Run& run) {
  const int64_t steps = run.config.train.train_iters - run.state.step;
  const int64_t interval = run.config.checkpoint.save_interval;
  if (steps <= 0) return 0;
  return interval > 0 ? (steps + interval - 1) / interval : 1;
}

// On rank 0, which sees the folder that all ranks write to.
void check_space_of(const Run& run) {
  const CheckpointingOptions& options = run.config.checkpoint;
  struct statvfs system {};
  if (::statvfs(existing_part(options.save).c_str(), &system) != 0 || system.f_blocks == 0) return;  // it does not say
  SpaceFacts facts;
  facts.folder = options.save;
  facts.available =
      static_cast<int64_t>(system.f_bavail) * static_cast<int64_t>(system.f_frsize) + bytes_of_unfinished(options.save);
  facts.checkpoint_bytes = count_parameters(run.config.model) * static_cast<int64_t>(sizeof(float)) *
                           (1 + states_per_weight(run.config.optimizer));
  facts.saves = saves_to_come(run);
  facts.keep_last = options.keep_last;
  std::error_code code;
  if (fs::is_directory(options.save, code)) {
    facts.kept_now = static_cast<int64_t>(list_checkpoints(options.save).size());
  }
  if (const std::string warning = check_space(facts); !warning.empty()) log::warning("{}", warning);
}

}  // namespace

void probe_folder(const std::string& option, const std::string& folder) {
  const MadeFolders made(option, folder);
  remove_old_probes(folder);
  const ProbeFile file(option, fs::path(folder) / (std::string(probe_prefix) + token()));
}

void probe_shared_folder(Communicator& ranks, const std::string& option, const std::string& folder,
                         std::span<const RankInfo> infos, double seconds) {
  const bool first = ranks.rank() == 0;
  const std::string name = std::string(probe_prefix) + broadcast_text(ranks, first ? token() : std::string(), 0);
  const fs::path marker = fs::path(folder) / name;
  // Both last until every rank has done its part, or has failed.
  std::optional<MadeFolders> made;
  std::optional<ProbeFile> mark;
  const auto put_marker = [&] {
    if (!first) return;
    made.emplace(option, folder);
    remove_old_probes(folder);
    mark.emplace(option, marker);
  };
  together(ranks, put_marker, infos);
  const Fact sight{fmt::format("the folder {} = {}", option, folder),
                   first ? "the folder of rank 0" : sight_of(marker, seconds),
                   fmt::format("Checkpoints need one folder that all ranks write to: put {} on a file system that all "
                               "nodes share.",
                               option)};
  check_agreement(ranks, std::span(&sight, 1), infos);
  const auto write_own = [&] {
    if (!first) ProbeFile(option, fs::path(folder) / fmt::format("{}-{}", name, ranks.rank()));
  };
  together(ranks, write_own, infos);
  // A network file system may remember for a while that a folder was removed.
  if (made) made->keep();
}

std::string check_space(const SpaceFacts& facts) {
  if (facts.saves == 0) return "";
  const auto text = [](int64_t bytes) { return human_bytes(static_cast<double>(bytes)); };
  if (facts.available < facts.checkpoint_bytes) {
    throw_environment(
        "checkpoint.save = {}: {} are free, but one checkpoint takes {}, and older ones are removed only after it; "
        "make room, or save elsewhere",
        facts.folder, text(facts.available), text(facts.checkpoint_bytes));
  }
  // The newest is written beside all that are kept.
  const int64_t more = facts.keep_last == 0
                           ? facts.saves
                           : std::max<int64_t>(1, std::min(facts.saves, facts.keep_last + 1 - facts.kept_now));
  if (facts.available / more >= facts.checkpoint_bytes) return "";
  return fmt::format(
      "checkpoint.save = {}: {} are free, but this run's {} save{} will need room for {} more checkpoint{} of {} "
      "({}): later saves will fail; make room, or lower checkpoint.keep_last",
      facts.folder, text(facts.available), facts.saves, facts.saves == 1 ? "" : "s", more, more == 1 ? "" : "s",
      text(facts.checkpoint_bytes),
      facts.keep_last == 0 ? std::string("checkpoint.keep_last = 0 keeps all")
                           : fmt::format("checkpoint.keep_last = {}, and the one being written", facts.keep_last));
}

void probe_folders(const Run& run) {
  const CheckpointingOptions& saving = run.config.checkpoint;
  const LoggingOptions& logging = run.config.logging;
  const std::vector<RankInfo>& infos = run.world.ranks();
  const bool first = run.world.rank() == 0;
  if (!saving.save.empty() && saves_to_come(run) > 0) {
    probe_shared_folder(*run.everyone, "checkpoint.save", saving.save, infos);
    const auto space = [&] {
      if (first) check_space_of(run);
    };
    together(*run.everyone, space, infos);
  }
  const auto probe_logging = [&] {
    if (!first) return;
    if (!logging.run_dir.empty()) probe_folder("logging.run_dir", logging.run_dir);
    if (logging.prometheus_file.empty()) return;
    const fs::path folder = fs::path(logging.prometheus_file).parent_path();
    probe_folder("the folder of logging.prometheus_file", folder.empty() ? "." : folder.string());
  };
  together(*run.everyone, probe_logging, infos);
}

}  // namespace kumiko
