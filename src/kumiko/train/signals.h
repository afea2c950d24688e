// Signals that would end the process, as a wish: the first asks the loop to save and stop after the present step.
// - SIGINT and SIGTERM: a second one ends the process at once. A repetition within half a second is the same wish: a
//   terminal and a launcher may both deliver it.
// - SIGUSR1, SIGUSR2, SIGHUP and SIGXCPU are the wish alone, however often: launchers and batch systems hand them on
//   or repeat them without killing anyone. SIGHUP stays ignored where nohup has done so.
// - SIGPIPE and SIGXFSZ are ignored: a write that nobody takes, or that is too long, is that writer's error.
#pragma once

#include <signal.h>

#include <array>

namespace kumiko {

// While one lives, it catches these signals; afterwards they do what they did before. At most one at a time. It is to
// be made before anything else, so that no signal kills a run without a word.
class StopSignals {
 public:
  enum class Answer {
    none,
    line,           // on standard error, at once; let one rank do that
    line_over_bar,  // the same, over a progress bar (Console) that stands in its place
  };
  // What a signal is answered with; `promise`, a string literal, is what happens now ("saving and stopping ...").
  explicit StopSignals(Answer answer, const char* promise = before_training);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  static constexpr const char* before_training = "stopping before the first step";
  static constexpr const char* in_training = "saving and stopping after this step";
  static constexpr const char* without_saves =
      "stopping after this step; nothing is saved, as checkpoint.save is empty";
  void change(Answer answer, const char* promise);

  // The number of the signal that came, or 0. Ranks may get theirs at different steps, or only one rank may get any:
  // the loop must take the maximum over all ranks before it acts.
  int received() const;

 private:
  static constexpr std::array caught = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGPIPE, SIGXFSZ};
  std::array<struct sigaction, caught.size()> old_{};
};

}  // namespace kumiko
