#include "kumiko/comm/watchdog.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"

namespace kumiko {
namespace {

enum Kind : int32_t { question = 1, answer = 2, hang = 3 };

struct Header {
  int64_t kind = 0;
  int64_t inquiry = 0;
};

// Between the end of the others' time for answers and that of the job, for their reports.
constexpr double time_for_reports = 1;

int64_t nanoseconds(double seconds) { return std::llround(seconds * 1e9); }

std::vector<std::byte> letter(Header header, std::span<const std::byte> rest = {}) {
  std::vector<std::byte> all(sizeof header + rest.size());
  std::memcpy(all.data(), &header, sizeof header);
  std::copy(rest.begin(), rest.end(), all.begin() + sizeof header);
  return all;
}

}  // namespace

WatchdogOptions WatchdogOptions::of(double timeout_seconds) {
  return {timeout_seconds, std::clamp(timeout_seconds / 20, 2.0, 30.0)};
}

Watchdog::Watchdog(WatchdogOptions options, View view, std::function<void()> end_job)
    : options_(options), view_(std::move(view)), end_job_(std::move(end_job)) {}

void Watchdog::look(int64_t now) {
  read_letters(now);
  switch (state_) {
    case State::watching:
      if (told_by_) {
        ask(overdue(0, now), now);
      } else if (options_.timeout_seconds > 0 && now >= until_) {
        if (auto operation = overdue(options_.timeout_seconds, now)) ask(std::move(operation), now);
      }
      break;
    case State::asking:
      if (all_answered() || now >= until_) conclude(now);
      break;
    case State::reported:
      if (now >= until_) std::exchange(end_job_, [] {})();
  }
}

void Watchdog::read_letters(int64_t now) {
  for (const Mailbox::Letter& received : view_.mailbox.take()) {
    Header header;
    if (received.bytes.size() < sizeof header) continue;
    std::memcpy(&header, received.bytes.data(), sizeof header);
    if (header.kind == Kind::question) {
      view_.mailbox.send(received.from, letter({Kind::answer, header.inquiry}, own_status(now).bytes()));
    } else if (header.kind == Kind::answer && state_ == State::asking && header.inquiry == inquiry_) {
      const std::span<const std::byte> rest = std::span(received.bytes).subspan(sizeof header);
      answers_[static_cast<size_t>(received.from)] = RankStatus::from_bytes(rest);
    } else if (header.kind == Kind::hang && !told_by_) {
      told_by_ = received.from;
    }
  }
}

RankStatus Watchdog::own_status(int64_t now) const {
  RankStatus status = view_.log.status(view_.note, now);
  status.waiting = view_.waited_for() ? 1 : 0;
  return status;
}

std::optional<OverdueOperation> Watchdog::overdue(double seconds, int64_t now) const {
  const OperationLog::Channel* oldest = nullptr;
  for (const auto& channel : view_.log.channels()) {
    if (channel->running.empty()) continue;
    if (oldest == nullptr || channel->running.front().time < oldest->running.front().time) oldest = channel.get();
  }
  if (oldest == nullptr) return std::nullopt;
  const OperationLog::Entry& entry = oldest->running.front();
  const double running = static_cast<double>(now - entry.time) * 1e-9;
  if (running < seconds) return std::nullopt;
  return OverdueOperation{oldest->id, oldest->ranks, {entry.operation, running}};
}

bool Watchdog::still_running() const {
  for (const auto& channel : view_.log.channels()) {
    if (channel->id != subject_->channel) continue;
    return std::any_of(channel->running.begin(), channel->running.end(),
                       [&](const auto& entry) { return entry.operation == subject_->timed.operation; });
  }
  return false;
}

void Watchdog::ask(std::optional<OverdueOperation> about, int64_t now) {
  state_ = State::asking;
  subject_ = std::move(about);
  until_ = now + nanoseconds(options_.answer_seconds);
  answers_.assign(static_cast<size_t>(view_.mailbox.size()), std::nullopt);
  answers_[static_cast<size_t>(view_.mailbox.rank())] = own_status(now);
  ++inquiry_;
  tell_all(Kind::question);
}

void Watchdog::tell_all(int32_t kind) {
  for (int rank = 0; rank < view_.mailbox.size(); ++rank) {
    if (rank != view_.mailbox.rank()) view_.mailbox.send(rank, letter({kind, inquiry_}));
  }
}

bool Watchdog::all_answered() const {
  return std::all_of(answers_.begin(), answers_.end(), [](const auto& status) { return status.has_value(); });
}

HangQuestion Watchdog::hang_question() const {
  return {view_.mailbox.rank(), *subject_, options_.timeout_seconds, options_.answer_seconds};
}

void Watchdog::conclude(int64_t now) {
  if (told_by_) return report(now);
  state_ = State::watching;
  if (!still_running()) return;
  const std::vector<int> at_work = ranks_at_work(answers_, options_.timeout_seconds);
  if (at_work.empty()) return report(now);
  until_ = now + nanoseconds(options_.timeout_seconds);
  const HangQuestion question = hang_question();
  const std::vector<int> arrived = arrived_ranks(question, answers_);
  if (arrived.front() == view_.mailbox.rank()) log::warning("{}", at_work_text(question, answers_, at_work));
}

void Watchdog::report(int64_t now) {
  state_ = State::reported;
  until_ = now + nanoseconds(options_.answer_seconds + time_for_reports);
  const char* prefix = error_prefix(ErrorKind::environment);
  if (subject_) {
    log::error("{}{}", prefix, hang_text(hang_question(), answers_, view_.ranks));
  } else {
    log::error("{}rank {} reports a hang; this rank waits for nothing: {}", prefix, *told_by_,
               own_status(now).to_string());
  }
  if (!told_by_) tell_all(Kind::hang);
}

}  // namespace kumiko
