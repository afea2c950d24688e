// What standard output leads to: a person's screen, or a file, a pipe, a job's log.
#pragma once

#include <cstddef>

namespace kumiko {

class Terminal {
 public:
  // Looks at standard output and the environment. Open MPI's launcher puts a pseudo-terminal between the program and
  // its own output, even if that is a file; so what counts there is where the launcher's output goes.
  static Terminal detect();
  // A file or pipe: plain lines.
  Terminal() = default;
  ~Terminal();
  Terminal(Terminal&& other) noexcept;
  Terminal& operator=(Terminal&&) = delete;

  bool interactive() const { return interactive_; }  // lines can be drawn over; else no control characters at all
  bool utf8() const { return utf8_; }
  bool color() const { return color_; }
  // Lines on standard error come to the same screen.
  bool shares_standard_error() const { return shares_standard_error_; }
  // Columns now (a window may change its size); 80 where nobody says.
  size_t width() const;

 private:
  bool interactive_ = false;
  bool utf8_ = false;
  bool color_ = false;
  bool shares_standard_error_ = false;
  int screen_ = -1;  // the descriptor to ask for the size
  bool owns_screen_ = false;
};

}  // namespace kumiko
