#include "kumiko/base/trace.h"

#include <utility>

namespace kumiko {

std::string_view name_of(TraceTrack track) {
  switch (track) {
    case TraceTrack::compute:
      return "compute";
    case TraceTrack::communication:
      return "communication";
    case TraceTrack::io:
      break;
  }
  return "I/O";
}

void TraceRecorder::record(const TraceEvent& event) {
  const std::scoped_lock lock(mutex_);
  if (events_.size() < capacity_) {
    events_.push_back(event);
  } else {
    ++dropped_;
  }
}

TraceRecorder::Taken TraceRecorder::take() {
  const std::scoped_lock lock(mutex_);
  Taken taken{std::move(events_), std::exchange(dropped_, 0)};
  events_ = {};
  events_.reserve(taken.events.size());
  return taken;
}

}  // namespace kumiko
