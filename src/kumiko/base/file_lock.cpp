#include "kumiko/base/file_lock.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

std::string content_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// The state and the start of a process, from /proc/PID/stat; nothing if it is not there.
struct ProcessState {
  char state = '?';
  std::string start;
};
std::optional<ProcessState> state_of(int64_t pid) {
  const std::string text = content_of(fmt::format("/proc/{}/stat", pid));
  const size_t name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos || name_end + 2 >= text.size()) return std::nullopt;
  const std::vector<std::string> fields = split(std::string_view(text).substr(name_end + 2), ' ');
  constexpr size_t start_field = 22 - 3;  // counted from the state, the third
  if (fields.size() <= start_field) return std::nullopt;
  return ProcessState{fields[0].empty() ? '?' : fields[0][0], fields[start_field]};
}

std::string command_line() {
  std::string text = content_of("/proc/self/cmdline");
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  const std::string_view trimmed = trim(text);
  return std::string(trimmed.substr(0, 200));
}

std::string link_target(const char* path) {
  std::error_code failure;
  const fs::path target = fs::read_symlink(path, failure);
  return failure ? "" : target.string();
}

// Nothing if the owner cannot be asked from here.
std::optional<bool> is_alive(const LockOwner& owner) {
  if (owner.pid <= 0 || owner.boot.empty()) return std::nullopt;
  const LockOwner self = LockOwner::this_process();
  if (owner.boot != self.boot || owner.space != self.space) return std::nullopt;
  if (::kill(static_cast<pid_t>(owner.pid), 0) != 0 && errno == ESRCH) return false;
  const auto process = state_of(owner.pid);
  if (!process) return std::nullopt;
  return process->start == owner.start && process->state != 'Z' && process->state != 'X';
}

// Which file a name stands for, and when it was touched.
struct Look {
  dev_t device = 0;
  ino_t number = 0;
  struct timespec touched {};
  nlink_t links = 0;

  bool same_file(const Look& other) const { return device == other.device && number == other.number; }
  bool same_touch(const Look& other) const {
    return touched.tv_sec == other.touched.tv_sec && touched.tv_nsec == other.touched.tv_nsec;
  }
};

Look look_of(const struct stat& status) { return {status.st_dev, status.st_ino, status.st_mtim, status.st_nlink}; }

// Through an opened file: network file systems then ask the server.
std::optional<Look> look_at(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return std::nullopt;
  struct stat status {};
  const bool known = ::fstat(descriptor, &status) == 0;
  ::close(descriptor);
  if (!known) return std::nullopt;
  return look_of(status);
}

milliseconds between(const struct timespec& earlier, const struct timespec& later) {
  return milliseconds((later.tv_sec - earlier.tv_sec) * 1000 + (later.tv_nsec - earlier.tv_nsec) / 1'000'000);
}

[[noreturn]] void throw_lock_error(const fs::path& path, int code) {
  throw_environment("cannot make the lock {}: {}", path.string(), std::strerror(code));
}

// Locks held by this process, for remove_held_locks(): plain memory, which a signal's handler may read.
struct HeldName {
  std::atomic<bool> used{false};
  std::atomic<bool> complete{false};
  dev_t device = 0;
  ino_t number = 0;
  std::array<char, PATH_MAX> path{};
};
std::array<HeldName, 8> held_names;

HeldName* note_held(const fs::path& path, const Look& look) {
  const std::string text = fs::absolute(path).string();
  if (text.size() >= PATH_MAX) return nullptr;
  for (HeldName& name : held_names) {
    if (name.used.exchange(true)) continue;
    std::memcpy(name.path.data(), text.c_str(), text.size() + 1);
    name.device = look.device;
    name.number = look.number;
    name.complete = true;
    return &name;
  }
  return nullptr;  // its end without destructors leaves a lock that is found to be stale
}

void forget_held(HeldName* name) {
  if (name == nullptr) return;
  name->complete = false;
  name->used = false;
}

}  // namespace

LockOwner LockOwner::this_process() {
  LockOwner owner;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) owner.host = host.data();
  owner.boot = std::string(trim(content_of("/proc/sys/kernel/random/boot_id")));
  owner.space = link_target("/proc/self/ns/pid");
  owner.pid = ::getpid();
  if (const auto state = state_of(owner.pid)) owner.start = state->start;
  owner.since = fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::time(nullptr)));
  owner.command = command_line();
  return owner;
}

std::string LockOwner::text() const {
  if (pid <= 0) return "an unknown process";
  return fmt::format("process {} on {}{}{}", pid, host.empty() ? "an unknown host" : host,
                     since.empty() ? "" : ", since " + since, command.empty() ? "" : " (" + command + ")");
}

std::string to_text(const LockOwner& owner) {
  return fmt::format("host {}\nboot {}\nspace {}\npid {}\nstart {}\nsince {}\ncommand {}\n", owner.host, owner.boot,
                     owner.space, owner.pid, owner.start, owner.since, owner.command);
}

LockOwner parse_lock_owner(const std::string& text) {
  LockOwner owner;
  for (const std::string& line : split(text, '\n')) {
    const size_t space = line.find(' ');
    if (space == std::string::npos) continue;
    const std::string key = line.substr(0, space);
    std::string value = line.substr(space + 1, 300);
    for (char& c : value) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    if (key == "host") owner.host = value;
    if (key == "boot") owner.boot = value;
    if (key == "space") owner.space = value;
    if (key == "pid") owner.pid = std::strtoll(value.c_str(), nullptr, 10);
    if (key == "start") owner.start = value;
    if (key == "since") owner.since = value;
    if (key == "command") owner.command = value;
  }
  return owner;
}

struct FileLock::Held {
  fs::path path;
  std::string what;
  LockTiming timing;
  int descriptor = -1;  // of the lock file, whatever its name is by now
  Look own;
  HeldName* noted = nullptr;

  std::mutex mutex;
  std::condition_variable changed;
  bool stop = false;
  std::thread heart;

  void take();
  bool try_to_make();
  bool make_without_links(const std::string& text);
  void judge_owner();
  std::optional<std::string> reason_of_death(const LockOwner& owner, const Look& seen) const;
  std::optional<std::string> wait_for_silence(const LockOwner& owner, const Look& seen, milliseconds age) const;
  void remove_stale(const Look& stale) const;
  void beat();
  bool is_own() const;
  bool make_again();
  fs::path beside(const char* kind) const {
    return fmt::format("{}.{}.{}", path.string(), LockOwner::this_process().host + "-" + std::to_string(::getpid()),
                       kind);
  }
};

// True if the name was free and is ours now. The file gets its text before it gets the name.
bool FileLock::Held::try_to_make() {
  const fs::path temporary = beside("new");
  const std::string text = to_text(LockOwner::this_process());
  ::unlink(temporary.c_str());
  const int made = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (made < 0) throw_lock_error(path, errno);
  const ssize_t written = ::write(made, text.data(), text.size());
  const int write_error = written < 0 ? errno : ENOSPC;
  if (written != static_cast<ssize_t>(text.size())) {
    ::close(made);
    ::unlink(temporary.c_str());
    throw_lock_error(path, write_error);
  }
  const int code = ::link(temporary.c_str(), path.c_str()) == 0 ? 0 : errno;
  struct stat status {};
  ::fstat(made, &status);
  ::unlink(temporary.c_str());
  // The answer of a server may be lost, the second link is not.
  if (code == 0 || status.st_nlink == 2) {
    descriptor = made;
    own = look_of(status);
    return true;
  }
  ::close(made);
  if (code == EEXIST) return false;
  if (code == EPERM || code == EOPNOTSUPP || code == ENOSYS || code == EMLINK) return make_without_links(text);
  throw_lock_error(path, code);
}

bool FileLock::Held::make_without_links(const std::string& text) {
  const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (made < 0 && errno == EEXIST) return false;
  if (made < 0) throw_lock_error(path, errno);
  struct stat status {};
  if (::write(made, text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fstat(made, &status) != 0) {
    const int code = errno;
    ::close(made);
    ::unlink(path.c_str());
    throw_lock_error(path, code);
  }
  descriptor = made;
  own = look_of(status);
  return true;
}

// Why the owner is no more; nothing if it is alive.
std::optional<std::string> FileLock::Held::reason_of_death(const LockOwner& owner, const Look& seen) const {
  if (const auto alive = is_alive(owner)) {
    return *alive ? std::nullopt : std::optional<std::string>("that process has ended");
  }
  // The file system's own clock: that of another machine may differ from ours.
  const fs::path probe = beside("time");
  const int probing = ::open(probe.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  struct stat now {};
  milliseconds age{0};
  if (probing >= 0) {
    ::futimens(probing, nullptr);
    if (::fstat(probing, &now) == 0) age = std::max(milliseconds{0}, between(seen.touched, now.st_mtim));
    ::close(probing);
    ::unlink(probe.c_str());
  }
  return wait_for_silence(owner, seen, age);
}

std::optional<std::string> FileLock::Held::wait_for_silence(const LockOwner& owner, const Look& seen,
                                                            milliseconds age) const {
  const auto begin = std::chrono::steady_clock::now();
  const milliseconds left = timing.stale - age;
  if (left > milliseconds{0}) {
    log::info("{} is locked by {}: waiting up to {} to see whether it is alive", what, owner.text(),
              human_seconds(static_cast<double>(left.count()) / 1000));
  }
  while (std::chrono::steady_clock::now() - begin < left) {
    std::this_thread::sleep_for(std::min(timing.heartbeat / 4, milliseconds{250}));
    const auto now = look_at(path);
    if (!now || !now->same_file(seen)) return "it has given the lock back";
    if (!now->same_touch(seen)) return std::nullopt;
  }
  return fmt::format("it has not touched the lock for {}",
                     human_seconds(static_cast<double>(std::max(timing.stale, age).count()) / 1000));
}

// Takes away the file that was judged, and no other: where two processes take over at once, one may have it replaced.
void FileLock::Held::remove_stale(const Look& stale) const {
  const fs::path aside = beside("stale");
  if (::rename(path.c_str(), aside.c_str()) != 0) return;  // another was faster
  const auto taken = look_at(aside);
  if (taken && !taken->same_file(stale)) static_cast<void>(::link(aside.c_str(), path.c_str()));
  ::unlink(aside.c_str());
}

void FileLock::Held::judge_owner() {
  const auto seen = look_at(path);
  if (!seen) return;  // given back meanwhile
  const LockOwner owner = parse_lock_owner(content_of(path));
  const auto death = reason_of_death(owner, *seen);
  if (!death) {
    throw_user(
        "{} is in use by {}; wait until it ends, stop it, or name another place. (The lock is {}: remove it only if "
        "you "
        "know that nothing writes there)",
        what, owner.text(), path.string());
  }
  const auto now = look_at(path);
  if (!now || !now->same_file(*seen)) return;
  remove_stale(*seen);
  log::warning("{} was left locked by {}: {}, so this process takes it over", what, owner.text(), *death);
}

void FileLock::Held::take() {
  constexpr int most_tries = 20;
  for (int i = 0; i < most_tries; ++i) {
    if (try_to_make()) return;
    if (!look_at(path) && fs::is_directory(path)) {
      throw_environment("cannot make the lock {}: there is a directory of this name", path.string());
    }
    judge_owner();
  }
  throw_environment("cannot make the lock {}: others take it again and again", path.string());
}

void FileLock::Held::beat() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);  // signals are for other threads
  std::unique_lock lock(mutex);
  while (!changed.wait_for(lock, timing.heartbeat, [this] { return stop; })) ::futimens(descriptor, nullptr);
}

bool FileLock::Held::is_own() const {
  const auto now = look_at(path);
  return now && now->same_file(own);
}

// A person may have tidied it away.
bool FileLock::Held::make_again() {
  const int before = descriptor;
  if (!try_to_make()) return false;
  ::close(before);
  forget_held(noted);
  noted = note_held(path, own);
  log::warning("the lock {} was removed while {} is in use: made again", path.string(), what);
  return true;
}

FileLock::FileLock(fs::path path, std::string what, LockTiming timing) : held_(std::make_unique<Held>()) {
  held_->path = std::move(path);
  held_->what = std::move(what);
  held_->timing = timing;
  held_->take();
  held_->noted = note_held(held_->path, held_->own);
  held_->heart = std::thread([held = held_.get()] { held->beat(); });
  pthread_setname_np(held_->heart.native_handle(), "kumiko-lock");
}

FileLock::~FileLock() {
  {
    const std::scoped_lock lock(held_->mutex);
    held_->stop = true;
  }
  held_->changed.notify_all();
  held_->heart.join();
  forget_held(held_->noted);
  if (held_->is_own()) ::unlink(held_->path.c_str());
  ::close(held_->descriptor);
}

void FileLock::check() const {
  const std::scoped_lock lock(held_->mutex);
  if (held_->is_own()) return;
  if (!look_at(held_->path) && held_->make_again()) return;
  const LockOwner owner = parse_lock_owner(content_of(held_->path));
  throw_environment(
      "{} is no longer this process's: its lock {} {}; nothing more is written there, so that nothing is mixed",
      held_->what, held_->path.string(),
      owner.pid > 0 ? "was taken over by " + owner.text() : std::string("is another file now"));
}

const fs::path& FileLock::path() const { return held_->path; }

void remove_held_locks() noexcept {
  for (HeldName& name : held_names) {
    if (!name.complete.exchange(false)) continue;
    struct stat status {};
    if (::stat(name.path.data(), &status) != 0) continue;
    if (status.st_dev == name.device && status.st_ino == name.number) ::unlink(name.path.data());
  }
}

}  // namespace kumiko
