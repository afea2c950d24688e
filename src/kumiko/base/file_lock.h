// One writer at a time for a folder or a file: a lock file that says who, and that its owner keeps fresh. Nothing but
// link(2), rename(2) and times of files is needed, so it works on network file systems too.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

namespace kumiko {

// Who holds a lock, as its file says.
struct LockOwner {
  std::string host;
  std::string boot;     // of the machine since it was started; empty: unknown
  std::string space;    // of process numbers: containers have their own
  int64_t pid = 0;      // 0: the file says nothing that can be read
  std::string start;    // of the process, in ticks since the machine's start
  std::string since;    // "2026-12-01 01:47:00 UTC"
  std::string command;  // the program's name and arguments

  static LockOwner this_process();
  // "process 123 on node01, since 2026-12-01 01:47:00 UTC (kumiko train run.toml)"
  std::string text() const;
};

std::string to_text(const LockOwner& owner);
LockOwner parse_lock_owner(const std::string& text);  // what is missing stays empty

struct LockTiming {
  std::chrono::milliseconds heartbeat{5'000};  // between two touches of the file by its owner
  std::chrono::milliseconds stale{30'000};     // without a touch: an owner that cannot be asked is taken for dead
};

// Takes the lock when it is made, and gives it back when it goes. A lock of a process of this machine is free as soon
// as that process is gone; one of another machine (or another container) once its file has not been touched for
// `timing.stale`, which may have to be waited for. Taking over is said by a warning.
class FileLock {
 public:
  // `path`: the lock file, in a folder that is there. `what`: what it guards, for messages ("checkpoint.save = run").
  // User error, naming the owner, if another process is alive; environment error if the file cannot be made.
  FileLock(std::filesystem::path path, std::string what, LockTiming timing = {});
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // Environment error if another has taken the lock over, while this process was stopped for long. One that was only
  // removed is made again.
  void check() const;

  const std::filesystem::path& path() const;

 private:
  struct Held;
  std::unique_ptr<Held> held_;
};

// The name of the lock file in a folder that one run writes to.
inline constexpr const char* folder_lock_name = "kumiko.lock";

// Removes the lock files that this process holds. For ends without destructors: may be called by a signal's handler.
void remove_held_locks() noexcept;

}  // namespace kumiko
