// Notices that an operation does not complete, and says why before the job ends: the communication thread of each rank
// answers the others' questions where it is, also while its main thread is stuck. A rank whose communication thread
// does not answer has been stopped, or worse.
//
// A rank on which an operation is overdue asks all others. If all answer and some are at work (hang_report.h), it waits
// on; if not, it logs who has arrived, who has not and what those last did, tells the others, which log their own view,
// and ends the job.
#pragma once

#include <functional>
#include <optional>

#include "kumiko/comm/hang_report.h"
#include "kumiko/comm/mailbox.h"
#include "kumiko/comm/operation_log.h"

namespace kumiko {

struct WatchdogOptions {
  double timeout_seconds = 600;  // 0: no operation is ever overdue, but questions are answered
  double answer_seconds = 30;    // how long the others have for an answer

  // A timeout, and the time for answers that goes with it: long enough for a host that is busy.
  static WatchdogOptions of(double timeout_seconds);
};

// Used on the communication thread only.
class Watchdog {
 public:
  // What it looks at; all of it must outlive the watchdog.
  struct View {
    Mailbox& mailbox;
    const OperationLog& log;
    const ProgressNote& note;
    const std::vector<RankInfo>& ranks;
    std::function<bool()> waited_for;  // whether the program waits for an operation
  };

  // `end_job`: called once, after the report.
  Watchdog(WatchdogOptions options, View view, std::function<void()> end_job);

  // To be called again and again; `now` is trace_clock().
  void look(int64_t now);

 private:
  enum class State { watching, asking, reported };

  void read_letters(int64_t now);
  RankStatus own_status(int64_t now) const;
  // The running operation that began first, if it began `seconds` ago or earlier.
  std::optional<OverdueOperation> overdue(double seconds, int64_t now) const;
  bool still_running() const;
  void ask(std::optional<OverdueOperation> about, int64_t now);
  HangQuestion hang_question() const;
  void conclude(int64_t now);
  void report(int64_t now);
  void tell_all(int32_t kind);
  bool all_answered() const;

  WatchdogOptions options_;
  View view_;
  std::function<void()> end_job_;
  State state_ = State::watching;
  std::optional<OverdueOperation> subject_;
  RankAnswers answers_;
  int64_t inquiry_ = 0;         // the number of the latest question
  int64_t until_ = 0;           // watching: no question before; asking: no answer after; reported: the end of the job
  std::optional<int> told_by_;  // the rank that reported a hang
};

}  // namespace kumiko
