#include "kumiko/base/system_failure.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>
#include <system_error>

#include "kumiko/base/json_text.h"
#include "kumiko/base/machine_memory.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

struct Advice {
  int code;
  bool environment;
  const char* text;
};

constexpr std::array advices = {
    Advice{EACCES, false, "give this user the right to it, or choose another place"},
    Advice{EPERM, false, "give this user the right to it, or choose another place"},
    Advice{ENOTDIR, false, "a file stands where a folder should be: move it away, or choose another place"},
    Advice{EISDIR, false, "a folder stands where a file should be: move it away, or choose another place"},
    Advice{EEXIST, false, "move away what is there, or choose another place"},
    Advice{ENOTEMPTY, false, "move away what is there, or choose another place"},
    Advice{ELOOP, false, "a symbolic link leads in a circle: mend the link"},
    Advice{ENAMETOOLONG, false, "choose a shorter name"},
    Advice{ENOSPC, true, "free some space or choose another place, then run again"},
    Advice{EDQUOT, true, "the user's quota is used up: free some space or choose another place, then run again"},
    Advice{EROFS, true, "the file system is read-only: choose another place"},
    Advice{EMFILE, true, "raise the limit of open files (ulimit -n)"},
    Advice{ENFILE, true, "too many files are open on this machine"},
    Advice{ENOMEM, true, "free some memory, then run again"},
    Advice{EIO, true, "the disk or the network file system has failed: look at dmesg"},
    Advice{ESTALE, true, "the network file system has lost the file: run again"},
};

const Advice* advice_for(int code) {
  for (const Advice& advice : advices) {
    if (advice.code == code) return &advice;
  }
  return nullptr;
}

// "cannot create directories 'A' and 'B': Permission denied; ..."
Error from_filesystem(const std::filesystem::filesystem_error& error) {
  // what(): "filesystem error: cannot create directories: Permission denied [A] [B]"
  std::string action = error.what();
  constexpr std::string_view prefix = "filesystem error: ";
  if (action.starts_with(prefix)) action.erase(0, prefix.size());
  action.resize(std::min(action.size(), action.find(": ")));
  std::string paths = error.path1().string();
  if (!error.path2().empty()) paths += " and " + error.path2().string();
  const int code = error.code().value();
  return Error(is_environment_failure(code) ? ErrorKind::environment : ErrorKind::user,
               fmt::format("{}{}{}: {}", action, paths.empty() ? "" : " ", paths, failure_text(code)));
}

std::string out_of_memory() {
  const MachineMemory memory = machine_memory();
  return fmt::format(
      "memory ran out: this machine has {} of memory and {} of swap{}; use a smaller model, train.micro_batch_size or "
      "train.seq_length, more ranks (on more machines), or parallel.zero_stage",
      human_bytes(static_cast<double>(memory.physical)), human_bytes(static_cast<double>(memory.swap)),
      memory.limit < memory.physical ? fmt::format(", of which this process may use {} (its control group)",
                                                   human_bytes(static_cast<double>(memory.limit)))
                                     : "");
}

}  // namespace

bool is_environment_failure(int code) {
  const Advice* advice = advice_for(code);
  return advice != nullptr && advice->environment;
}

std::string failure_text(int code) {
  const Advice* advice = advice_for(code);
  return advice == nullptr ? std::strerror(code) : fmt::format("{}; {}", std::strerror(code), advice->text);
}

std::string_view file_kind(mode_t mode) {
  if (S_ISREG(mode)) return "a regular file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe (FIFO)";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Error error_from(const std::exception& error) {
  if (const auto* ours = dynamic_cast<const Error*>(&error)) return *ours;
  if (const auto* failure = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    return from_filesystem(*failure);
  }
  if (dynamic_cast<const std::bad_array_new_length*>(&error) != nullptr ||
      dynamic_cast<const std::length_error*>(&error) != nullptr) {
    return Error(ErrorKind::user, fmt::format("a size is larger than any memory ({}): look for a number in the "
                                              "configuration, or in a file that is read, that is far too large",
                                              error.what()));
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return Error(ErrorKind::environment, out_of_memory());
  if (const auto* failure = dynamic_cast<const std::system_error*>(&error)) {
    const bool limit = failure->code().value() == EAGAIN;
    return Error(ErrorKind::environment,
                 fmt::format("the system refused an operation: {}{}", failure->what(),
                             limit ? "; where that was a thread, raise the limit of processes (ulimit -u) or use fewer "
                                     "threads (parallel.num_threads)"
                                   : ""));
  }
  if (dynamic_cast<const nlohmann::json::exception*>(&error) != nullptr) {
    return Error(ErrorKind::user, "a JSON file that was read is not as expected: " + json_reason(error));
  }
  return Error(ErrorKind::internal, error.what());
}

}  // namespace kumiko
