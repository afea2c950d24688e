#include "kumiko/base/mapping_fault.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>

#include "kumiko/base/error.h"
#include "kumiko/base/file_lock.h"
#include "kumiko/base/log_in_handler.h"

namespace kumiko {
namespace {

// A handler can reach nothing but statics, and may take no lock.
struct Mapping {
  std::atomic<const char*> begin{nullptr};  // null: free
  std::atomic<size_t> size{0};
  std::atomic<char*> path{nullptr};
};
// A mapping beyond these is read as well; only its file is not named.
constexpr size_t most_mappings = 1024;
std::array<Mapping, most_mappings> mappings;
std::mutex mappings_mutex;
struct sigaction old_action;

void say_number(uint64_t number) {
  std::array<char, 20> digits;
  size_t first = digits.size();
  do {
    digits[--first] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  log::write_in_handler({digits.data() + first, digits.size() - first});
}

void say(const Mapping& mapping) {
  const char* path = mapping.path;
  struct stat now {};
  const bool there = path != nullptr && ::stat(path, &now) == 0;
  log::begin_in_handler(log::Level::error);
  log::write_in_handler(error_prefix(ErrorKind::environment));
  log::write_in_handler(path == nullptr ? "a file" : path);
  if (there && static_cast<size_t>(now.st_size) < mapping.size) {
    log::write_in_handler(" was cut short while it was read: it had ");
    say_number(mapping.size);
    log::write_in_handler(" bytes and has ");
    say_number(static_cast<uint64_t>(now.st_size));
    log::write_in_handler(
        " now. Put the whole file back, and start the same command again: a run goes on from its last checkpoint\n");
  } else {
    log::write_in_handler(there ? " cannot be read any more" : " is gone, and cannot be read any more");
    log::write_in_handler(
        ": its disk or network file system has failed. Start the same command again when it is back: a run goes on "
        "from its last checkpoint\n");
  }
}

void handle(int signal, siginfo_t* info, void*) {
  const char* address = static_cast<const char*>(info->si_addr);
  for (const Mapping& mapping : mappings) {
    const char* begin = mapping.begin;
    if (begin == nullptr || address < begin || address >= begin + mapping.size) continue;
    say(mapping);
    remove_held_locks();
    ::_exit(exit_code(ErrorKind::environment));
  }
  // The instruction is run again, and meets what was there before us.
  ::sigaction(signal, &old_action, nullptr);
}

void install() {
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, &old_action);
}

}  // namespace

void watch_mapping(const void* begin, size_t size, const std::filesystem::path& path) {
  static std::once_flag installed;
  std::call_once(installed, install);
  const std::scoped_lock lock(mappings_mutex);
  for (Mapping& mapping : mappings) {
    if (mapping.begin != nullptr) continue;
    mapping.size = size;
    mapping.path = ::strdup(path.c_str());
    mapping.begin = static_cast<const char*>(begin);
    return;
  }
}

void forget_mapping(const void* begin) {
  const std::scoped_lock lock(mappings_mutex);
  for (Mapping& mapping : mappings) {
    if (mapping.begin != begin) continue;
    mapping.begin = nullptr;
    ::free(mapping.path.exchange(nullptr));
    return;
  }
}

}  // namespace kumiko
