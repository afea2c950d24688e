#include "kumiko/train/observer_guard.h"

#include <utility>

#include "kumiko/base/log.h"
#include "kumiko/base/system_failure.h"

namespace kumiko {

ObserverGuard::~ObserverGuard() {
  if (failing_ && lost_ > 0 && !record_.empty()) log::warning("{} failed to the end; {}", name_, lost_text());
}

std::string ObserverGuard::lost_text() const {
  return fmt::format("{} {}{} missing from it", lost_, record_, lost_ == 1 ? " is" : "s are");
}

void ObserverGuard::failed(const std::exception& error, int64_t records) {
  lost_ += records;
  if (std::exchange(failing_, true)) return;
  log::warning("{}: {}; the run goes on without it, and tries again", name_, error_from(error).what());
}

void ObserverGuard::recovered() {
  if (record_.empty() || lost_ == 0) {
    log::warning("{} is written again", name_);
  } else {
    log::warning("{} is written again; {}", name_, lost_text());
  }
  failing_ = false;
  lost_ = 0;
}

GuardedSink::GuardedSink(std::string name, std::string record, Open open)
    : guard_(std::move(name), std::move(record)), open_(std::move(open)) {
  guard_([this] { sink_ = open_(); }, 0);
}

void GuardedSink::write_process(const ProcessMetrics& process) { process_ = process; }

void GuardedSink::write(const StepMetrics& metrics) {
  guard_([&] {
    if (!sink_) sink_ = open_();
    sink_->write_process(process_);
    sink_->write(metrics);
  });
}

}  // namespace kumiko
