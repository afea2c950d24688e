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

void TraceRecorder::take(Taken& into) {
  into.events.clear();
  const std::scoped_lock lock(mutex_);
  events_.swap(into.events);
  into.dropped = std::exchange(dropped_, 0);
}

}  // namespace kumiko
