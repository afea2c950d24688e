// What is known about one training step, and where it goes.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "kumiko/base/append_file.h"
#include "kumiko/checkpoint/background_writer.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/tensor/memory.h"

namespace kumiko {

struct StepMetrics {
  int64_t step = 0;         // steps complete, this one included: the first is 1
  int64_t total_steps = 0;  // train_iters
  double loss = 0;          // mean over the global batch, nats a token
  double learning_rate = 0;
  double gradient_norm = 0;  // global, before clipping
  double step_seconds = 0;
  double tokens_per_second = 0;       // of all ranks
  double flops_per_second = 0;        // model FLOPs, of one device
  std::optional<double> utilization;  // MFU as a fraction; none where the peak is unknown
  int64_t memory_bytes = 0;           // peak of this rank
  int64_t consumed_samples = 0;       // since the first step of all
  int64_t consumed_tokens = 0;
  bool skipped = false;                     // the weights were left as they were: loss or gradients were not finite
  int64_t skipped_steps = 0;                // since the first step of all
  std::optional<double> loss_scale;         // that the step ran with, if it is not always 1
  bool overflow = false;                    // skipped because of the loss scale
  std::optional<double> remaining_seconds;  // estimated
  std::optional<double> validation_loss;    // where it was measured after this step
};

// What this process has done and holds: of this rank alone, and counted since it started.
struct ProcessMetrics {
  std::array<MemoryUse, num_memory_purposes> memory{};  // by purpose
  std::vector<TrafficRow> traffic;
  int64_t checkpoints = 0;  // saved
  int64_t checkpoint_failures = 0;
  int64_t checkpoint_bytes = 0;
  double checkpoint_seconds = 0;        // in all of those saved
  double checkpoint_pause_seconds = 0;  // that training stood still for them
};

class MetricsSink {
 public:
  virtual ~MetricsSink() = default;
  // Steps come in ascending order. Environment error if they cannot be kept.
  virtual void write(const StepMetrics& metrics) = 0;
  // Comes before the step's write().
  virtual void write_process(const ProcessMetrics&) {}
};

// One JSON object a line and step. Numbers that are not finite become null.
class JsonLinesSink : public MetricsSink {
 public:
  // Goes on with a file that is there: lines of `first_step` and later, which this run will write anew, go to
  // NAME.superseded.jsonl, so a resumed run's curve does not double. Lines that are no JSON objects with a step, and a
  // last line that was cut short, are moved to PATH.bad, and a warning says so. Makes the folder where needed.
  JsonLinesSink(const std::filesystem::path& path, int64_t first_step);
  void write(const StepMetrics& metrics) override;

 private:
  AppendFile file_;
};

// For how long training stood still for a save.
struct SaveTimes {
  double paused_seconds = 0;  // in all
  double waited_seconds = 0;  // of it, for the save before to end
};

// checkpoints.jsonl: one JSON object a line and save, also of one that failed.
class CheckpointLog {
 public:
  // Goes on with a file that is there, as JsonLinesSink does.
  CheckpointLog(const std::filesystem::path& path, int64_t first_step);
  void write(const SaveResult& result, const SaveTimes& times);

 private:
  AppendFile file_;
};

}  // namespace kumiko
