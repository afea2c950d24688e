// Three kinds of error, told apart so that a person knows whose move it is.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace kumiko {

enum class ErrorKind {
  user,         // a configuration or a file is wrong: the user mends it
  environment,  // a device, a peer or the disk failed: the site mends it
  internal,     // a bug: we mend it
};

// A message names the thing, its value, what was expected and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// The process exit code for an error: 2 user, 3 environment, 4 internal.
int exit_code(ErrorKind kind);

// What the log says before an error's message: nothing, "environment: " or "internal (please report it): ".
const char* error_prefix(ErrorKind kind);

template <class... Args>
[[noreturn]] void throw_user(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::user, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void throw_environment(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::environment, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void throw_internal(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::internal, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace kumiko
