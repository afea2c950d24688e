#include "support/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

#include "kumiko/base/clock.h"

namespace kumiko::test {

Finished run_program(const std::vector<std::string>& command, double seconds) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    setpgid(0, 0);  // so that all of it can be killed
    dup2(pipe_ends[1], STDOUT_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(pipe_ends[1]);
  Finished finished;
  const double end = seconds_now() + seconds;
  std::array<char, 4096> buffer{};
  while (true) {
    pollfd readable = {pipe_ends[0], POLLIN, 0};
    const double left = end - seconds_now();
    if (left <= 0 || poll(&readable, 1, static_cast<int>(left * 1000) + 1) == 0) {
      finished.timed_out = true;
      kill(-child, SIGKILL);
      break;
    }
    const ssize_t size = read(pipe_ends[0], buffer.data(), buffer.size());
    if (size <= 0) break;
    finished.output.append(buffer.data(), static_cast<size_t>(size));
  }
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

}  // namespace kumiko::test
