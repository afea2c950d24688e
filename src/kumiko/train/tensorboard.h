// TensorBoard event files: scalars over steps, in the TFRecord framing and the few protocol-buffer fields that takes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/base/append_file.h"
#include "kumiko/train/metrics.h"

namespace kumiko {

// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as in iSCSI (RFC 3720, appendix B.4).
uint32_t crc32c(std::string_view bytes);

struct Scalar {
  std::string tag;
  float value = 0;
};

// What TensorBoard and Weights & Biases show of a step, under the names that stand in docs/observability.md.
std::vector<Scalar> scalars_of(const StepMetrics& metrics);

// Whole records, ready to be appended. `wall_time` in seconds since 1970.
std::string event_file_version(double wall_time);
std::string event_scalars(double wall_time, int64_t step, const std::vector<Scalar>& scalars);
// Says that a run starts (again) at `step`: a reader forgets what earlier files hold of this step and later.
std::string event_run_start(double wall_time, int64_t step);

class TensorBoardSink : public MetricsSink {
 public:
  // A new file events.out.tfevents.* in `directory`, which is created where needed. `first_step` is the first step that
  // will be written.
  TensorBoardSink(const std::filesystem::path& directory, int64_t first_step);
  void write(const StepMetrics& metrics) override;

  const std::filesystem::path& path() const { return file_.path(); }

 private:
  AppendFile file_;
};

}  // namespace kumiko
