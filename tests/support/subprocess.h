// Starts a program without a shell and collects what it says.
#pragma once

#include <string>
#include <vector>

namespace kumiko::test {

struct Finished {
  int exit_code = -1;  // 128 + signal if a signal ended it
  std::string output;  // standard output and standard error together
  bool timed_out = false;
};

// Kills the program and everything it started after `seconds`.
Finished run_program(const std::vector<std::string>& command, double seconds = 60);

}  // namespace kumiko::test
