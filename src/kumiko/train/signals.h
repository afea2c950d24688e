// SIGINT and SIGTERM as a wish: the first asks the loop to save and stop after the present step, a second one ends the
// process at once. A repetition within half a second is the same wish: a terminal and a launcher may both deliver it.
// SIGUSR1 is the wish alone, however often: launchers and batch systems hand it on without killing anyone.
#pragma once

namespace kumiko {

// While one lives, it catches these signals; afterwards they do what they did before. At most one at a time.
class StopSignals {
 public:
  enum class Answer {
    none,
    line,           // on standard error, at once; let one rank do that
    line_over_bar,  // the same, over a progress bar (Console) that stands in its place
  };
  explicit StopSignals(Answer answer);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // The number of the signal that came, or 0. Ranks may get theirs at different steps, or only one rank may get any:
  // the loop must take the maximum over all ranks before it acts.
  int received() const;
};

}  // namespace kumiko
