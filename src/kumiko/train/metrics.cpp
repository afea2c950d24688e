#include "kumiko/train/metrics.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/log.h"

namespace kumiko {
namespace {

// None: the line is no JSON object with a step.
std::optional<int64_t> step_of(std::string_view line) {
  const auto parsed = nlohmann::json::parse(line, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("step") || !parsed["step"].is_number_integer()) return std::nullopt;
  return parsed["step"].get<int64_t>();
}

// A file's lines, as a run that begins with `first_step` sorts them.
struct SortedLines {
  std::string kept;   // of earlier steps
  std::string later;  // of steps that this run makes again
  std::string bad;    // what cannot be read, each with a line break
  int64_t num_bad = 0;
  int64_t first_bad = 0;  // its line's number
};

SortedLines sorted_lines(std::string_view text, int64_t first_step) {
  SortedLines sorted;
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const bool whole = end != std::string_view::npos;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(whole ? end + 1 : text.size());
    const std::optional<int64_t> step = whole ? step_of(line) : std::nullopt;
    std::string& into = !step ? sorted.bad : *step < first_step ? sorted.kept : sorted.later;
    into.append(line).append("\n");
    if (!step && sorted.num_bad++ == 0) sorted.first_bad = number;
  }
  return sorted;
}

// Leaves the lines of steps before `first_step`. Those of later steps and those that cannot be read go to files beside
// it.
std::filesystem::path drop_later_lines(const std::filesystem::path& path, int64_t first_step) {
  std::error_code failure;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), failure);
  if (!std::filesystem::is_regular_file(path, failure)) return path;  // opening it says what is wrong
  const std::string text = read_text_file(path);
  const SortedLines sorted = sorted_lines(text, first_step);
  if (sorted.kept.size() == text.size()) return path;
  if (sorted.num_bad > 0) {
    const std::filesystem::path aside = path.string() + ".bad";
    AppendFile(aside).write(sorted.bad);
    log::warning(
        "{}: {} line{} could not be read as JSON objects with a step (line {}{}), as a crash or a full disk "
        "leaves them; moved to {}",
        path.string(), sorted.num_bad, sorted.num_bad == 1 ? "" : "s", sorted.first_bad,
        sorted.num_bad == 1 ? "" : " is the first", aside.string());
  }
  if (!sorted.later.empty()) {
    AppendFile(path.parent_path() / (path.stem().string() + ".superseded.jsonl")).write(sorted.later);
  }
  AtomicFile file(path);
  file.write(sorted.kept);
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
