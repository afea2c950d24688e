#include "kumiko/comm/self.h"

#include <cstring>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/comm/process.h"

namespace kumiko {
namespace {

class SelfWorld final : public World {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int local_rank() const override { return 0; }
  int local_size() const override { return 1; }
  const std::vector<RankInfo>& ranks() const override { return ranks_; }

  std::unique_ptr<Communicator> communicator(Axis axis, std::span<const int64_t> ranks) override {
    if (ranks.size() != 1 || ranks[0] != 0)
      throw_internal("a communicator of {} ranks in a world of one", ranks.size());
    return std::make_unique<SelfCommunicator>(axis, ledger_);
  }
  std::vector<TrafficRow> traffic() const override { return ledger_->rows(); }
  void reset_traffic() override { ledger_->reset(); }
  void record_to(std::shared_ptr<TraceRecorder> recorder) override { ledger_->record_to(std::move(recorder)); }
  std::string description() const override { return "none (one rank)"; }

  [[noreturn]] void abort(int exit_code) override { end_process(exit_code); }

 private:
  std::vector<RankInfo> ranks_ = {this_process()};
  std::shared_ptr<TrafficLedger> ledger_ = std::make_shared<TrafficLedger>();
};

}  // namespace

Event SelfCommunicator::submit(Operation operation) {
  ledger_->count(operation);
  const auto recorder = ledger_->recorder();
  TraceEvent event;
  if (recorder) event = begin_event(operation, *recorder);
  if (operation.verb != Verb::barrier && operation.output.raw() != operation.input.raw()) {
    copy(operation.input.reshaped(operation.output.shape()), operation.output);
  }
  if (recorder) {
    event.begin = event.enqueued;
    event.end = trace_clock();
    recorder->record(event);
  }
  return {};
}

std::unique_ptr<World> connect_self_world() { return std::make_unique<SelfWorld>(); }

}  // namespace kumiko
