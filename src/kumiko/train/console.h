// What a person watches: one line a step and, on a terminal, a progress bar below that is drawn over in place.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "kumiko/train/metrics.h"
#include "kumiko/train/terminal.h"

namespace kumiko {

// Writes to standard output. While one lives on a terminal, the logger's lines pass through it, so that they stand
// above the bar. At most one lives at a time; on rank 0 only.
class Console : public MetricsSink {
 public:
  explicit Console(Terminal terminal);
  // Takes the bar away.
  ~Console() override;
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // Draws the bar before the first step is through: `step` steps of `total_steps` are complete.
  void start(int64_t step, int64_t total_steps);
  void write(const StepMetrics& metrics) override;

  // Whole lines, each with its line break, above the bar.
  void print(std::string_view lines);
  // What goes on instead of a step ("evaluating", "saving a checkpoint"), shown in the bar until the next step or "".
  void set_activity(std::string activity);

  // Environment error if something since the last call could not be written: a closed pipe, a full disk. Nothing above
  // throws for that.
  void check();

  const Terminal& terminal() const { return terminal_; }

 private:
  // Replaces the bar by `lines` and draws it anew below; one system call. Whether they were written. The mutex is held.
  bool put(std::string_view lines);

  Terminal terminal_;
  std::mutex mutex_;
  StepMetrics last_;
  std::string activity_;
  bool bar_shown_ = false;
  int failure_ = 0;  // errno
  int64_t lines_since_header_ = 0;
};

}  // namespace kumiko
