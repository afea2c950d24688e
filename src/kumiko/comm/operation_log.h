// What the communicators of this rank are doing: which operation each completed last, and which are under way.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "kumiko/base/progress_note.h"
#include "kumiko/comm/queue.h"
#include "kumiko/comm/rank_status.h"

namespace kumiko {

// Used on the communication thread only. Times are trace_clock().
class OperationLog {
 public:
  struct Entry {
    Signature operation;
    int64_t time = 0;  // when it began, or ended
  };
  struct Channel {
    uint64_t id = 0;          // the same on all ranks of the communicator
    std::vector<int> ranks;   // in the world
    int64_t collectives = 0;  // complete
    std::optional<Entry> complete;
    std::vector<Entry> running;  // oldest first

    void begin(const Signature& operation);
    void end(const Signature& operation);
  };

  // A communicator of `axis` over `ranks`; they open those that are alike in the same order.
  std::shared_ptr<Channel> open(Axis axis, std::vector<int> ranks);
  const std::vector<std::shared_ptr<Channel>>& channels() const { return channels_; }

  // Of this rank, with what its communicators and its main thread do; `waiting` is left to the caller.
  RankStatus status(const ProgressNote& note, int64_t now) const;

 private:
  std::vector<std::shared_ptr<Channel>> channels_;
};

// A transfer that the log knows of from its beginning to its end.
class LoggedTransfer final : public Transfer {
 public:
  LoggedTransfer(std::unique_ptr<Transfer> transfer, std::shared_ptr<OperationLog::Channel> channel,
                 const Operation& operation);

  Progress advance() override;

 private:
  std::unique_ptr<Transfer> transfer_;
  std::shared_ptr<OperationLog::Channel> channel_;
  Signature operation_;
};

}  // namespace kumiko
