#include "kumiko/train/metrics.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

int64_t step_of(std::string_view line, const std::filesystem::path& path, int64_t number) {
  const auto parsed = nlohmann::json::parse(line, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("step") || !parsed["step"].is_number_integer()) {
    throw_user(
        "{} line {}: expected a JSON object with an integer \"step\", found \"{}\"; move the file away to start a new "
        "one",
        path.string(), number, line.substr(0, 60));
  }
  return parsed["step"].get<int64_t>();
}

// The whole lines of steps before `first_step`.
std::string kept_lines(const std::string& text, const std::filesystem::path& path, int64_t first_step) {
  std::string kept;
  std::string_view rest = text;
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;
    const std::string_view line = rest.substr(0, end + 1);
    if (step_of(line.substr(0, end), path, number) < first_step) kept += line;
    rest.remove_prefix(end + 1);
  }
  return kept;
}

std::filesystem::path drop_later_lines(const std::filesystem::path& path, int64_t first_step) {
  if (!std::filesystem::exists(path)) return path;
  const std::string text = read_text_file(path);
  const std::string kept = kept_lines(text, path, first_step);
  if (kept.size() == text.size()) return path;
  AtomicFile file(path);
  file.write(kept);
  file.commit();
  return path;
}

}  // namespace

JsonLinesSink::JsonLinesSink(const std::filesystem::path& path, int64_t first_step)
    : file_(drop_later_lines(path, first_step)) {}

void JsonLinesSink::write(const StepMetrics& metrics) {
  nlohmann::ordered_json line;
  line["step"] = metrics.step;
  line["total_steps"] = metrics.total_steps;
  line["loss"] = metrics.loss;
  line["learning_rate"] = metrics.learning_rate;
  line["gradient_norm"] = metrics.gradient_norm;
  line["step_seconds"] = metrics.step_seconds;
  line["tokens_per_second"] = metrics.tokens_per_second;
  line["tflops_per_second_per_device"] = metrics.flops_per_second * 1e-12;
  if (metrics.utilization) line["mfu"] = *metrics.utilization;
  line["memory_bytes"] = metrics.memory_bytes;
  line["consumed_samples"] = metrics.consumed_samples;
  line["consumed_tokens"] = metrics.consumed_tokens;
  if (metrics.skipped) line["skipped"] = true;
  if (metrics.loss_scale) {
    line["loss_scale"] = *metrics.loss_scale;
    line["skipped_steps"] = metrics.skipped_steps;
  }
  if (metrics.validation_loss) line["validation_loss"] = *metrics.validation_loss;
  file_.write(line.dump() + '\n');
}

CheckpointLog::CheckpointLog(const std::filesystem::path& path, int64_t first_step)
    : file_(drop_later_lines(path, first_step)) {}

void CheckpointLog::write(const SaveResult& result, const SaveTimes& times) {
  nlohmann::ordered_json line;
  line["step"] = result.step;
  line["pause_seconds"] = times.paused_seconds;
  line["wait_seconds"] = times.waited_seconds;
  line["behind"] = result.behind;
  if (result.error) {
    line["error"] = result.error->what();
  } else {
    line["path"] = result.report.path.string();
    line["write_seconds"] = result.report.seconds;
    line["rank_bytes"] = result.report.bytes;
  }
  // Paths need not be UTF-8.
  file_.write(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
}

}  // namespace kumiko
