#include "kumiko/train/prometheus.h"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/base/system_failure.h"
#include "kumiko/checkpoint/manifest.h"

namespace kumiko {
namespace {

enum class MetricType : uint8_t { gauge, counter };

struct LabelledValue {
  std::string labels;  // `purpose="stash"`, or empty
  double value = 0;
};

std::string value_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value == std::floor(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

class MetricsText {
 public:
  void add(std::string_view name, MetricType type, std::string_view help, const std::vector<LabelledValue>& values) {
    if (values.empty()) return;
    const std::string_view type_name = type == MetricType::counter ? "counter" : "gauge";
    fmt::format_to(std::back_inserter(text_), "# HELP kumiko_{} {}\n# TYPE kumiko_{} {}\n", name, help, name,
                   type_name);
    for (const LabelledValue& entry : values) {
      const bool plain = entry.labels.empty();
      fmt::format_to(std::back_inserter(text_), "kumiko_{}{}{}{} {}\n", name, plain ? "" : "{", entry.labels,
                     plain ? "" : "}", value_text(entry.value));
    }
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    add(name, MetricType::gauge, help, {{"", value}});
  }
  void gauge(std::string_view name, std::string_view help, const std::optional<double>& value) {
    if (value) gauge(name, help, *value);
  }
  void counter(std::string_view name, std::string_view help, double value) {
    add(name, MetricType::counter, help, {{"", value}});
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_step(MetricsText& out, const StepMetrics& step) {
  out.gauge("step", "Steps complete, since the first of all.", static_cast<double>(step.step));
  out.gauge("train_iters", "Steps that the run is to have in all.", static_cast<double>(step.total_steps));
  out.gauge("loss", "Mean cross entropy of the newest step, in nats a token.", step.loss);
  out.gauge("learning_rate", "Learning rate of the newest step.", step.learning_rate);
  out.gauge("gradient_norm", "L2 norm of the gradient, before clipping.", step.gradient_norm);
  out.gauge("loss_scale", "What the loss of the newest step was multiplied by.", step.loss_scale);
  out.counter("skipped_steps_total", "Steps that left the weights as they were.",
              static_cast<double>(step.skipped_steps));
  out.gauge("step_seconds", "Duration of the newest step.", step.step_seconds);
  out.gauge("tokens_per_second", "Tokens a second of all ranks.", step.tokens_per_second);
  out.gauge("model_flops_per_second", "Model FLOPs a second of one device.", step.flops_per_second);
  out.gauge("mfu_ratio", "Model FLOPs utilization, as a fraction of the measured peak.", step.utilization);
  out.gauge("remaining_seconds", "Estimated time to the end of the run.", step.remaining_seconds);
  out.counter("consumed_samples_total", "Samples since the first step of all.",
              static_cast<double>(step.consumed_samples));
  out.counter("consumed_tokens_total", "Tokens since the first step of all.",
              static_cast<double>(step.consumed_tokens));
}

void add_memory(MetricsText& out, const ProcessMetrics& process) {
  std::vector<LabelledValue> current;
  std::vector<LabelledValue> peak;
  for (size_t i = 0; i < process.memory.size(); ++i) {
    const std::string labels = fmt::format("purpose=\"{}\"", name_of(static_cast<MemoryPurpose>(i)));
    current.push_back({labels, static_cast<double>(process.memory[i].current)});
    peak.push_back({labels, static_cast<double>(process.memory[i].peak)});
  }
  out.add("memory_bytes", MetricType::gauge, "Tensors of this rank now, by purpose.", current);
  out.add("memory_peak_bytes", MetricType::gauge, "The most that they took at any moment.", peak);
}

void add_traffic(MetricsText& out, const ProcessMetrics& process) {
  std::vector<LabelledValue> calls;
  std::vector<LabelledValue> bytes;
  std::vector<LabelledValue> seconds;
  std::vector<LabelledValue> exposed;
  for (const TrafficRow& row : process.traffic) {
    const std::string labels = fmt::format("verb=\"{}\",axis=\"{}\",purpose=\"{}\"", name_of(row.verb),
                                           name_of(row.axis), escaped(row.purpose));
    calls.push_back({labels, static_cast<double>(row.calls)});
    bytes.push_back({labels, static_cast<double>(row.bytes)});
    seconds.push_back({labels, row.seconds});
    exposed.push_back({labels, row.exposed});
  }
  out.add("communication_operations_total", MetricType::counter, "Operations of this rank.", calls);
  out.add("communication_bytes_total", MetricType::counter, "Bytes of the tensors handed over.", bytes);
  out.add("communication_seconds_total", MetricType::counter, "From start to completion, summed.", seconds);
  out.add("communication_exposed_seconds_total", MetricType::counter, "That the computation waited for it.", exposed);
}

}  // namespace

std::string prometheus_text(const PrometheusState& state) {
  MetricsText out;
  out.add("build_info", MetricType::gauge, "Always 1; what program this is.",
          {{fmt::format("version=\"{}\",compiler=\"{}\"", kumiko_version(), escaped(__VERSION__)), 1}});
  if (state.step.step == 0) return out.take();
  add_step(out, state.step);
  out.gauge("last_step_timestamp_seconds", "When the newest step was complete, since 1970.", state.step_time);
  out.gauge("validation_loss", "Mean cross entropy of the newest validation, in nats a token.", state.validation_loss);
  add_memory(out, state.process);
  add_traffic(out, state.process);
  out.counter("checkpoints_total", "Checkpoints saved.", static_cast<double>(state.process.checkpoints));
  out.counter("checkpoint_seconds_total", "Time that saving them took.", state.process.checkpoint_seconds);
  out.counter("checkpoint_pause_seconds_total", "Time that training stood still for it.",
              state.process.checkpoint_pause_seconds);
  out.counter("checkpoint_failures_total", "Saves that failed.",
              static_cast<double>(state.process.checkpoint_failures));
  out.counter("checkpoint_bytes_total", "Bytes of tensors that this rank wrote for them.",
              static_cast<double>(state.process.checkpoint_bytes));
  return out.take();
}

void PrometheusSink::write_process(const ProcessMetrics& process) {
  const std::scoped_lock lock(mutex_);
  state_.process = process;
}

void PrometheusSink::write(const StepMetrics& metrics) {
  const std::scoped_lock lock(mutex_);
  state_.step = metrics;
  state_.step_time = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (metrics.validation_loss) state_.validation_loss = metrics.validation_loss;
}

std::string PrometheusSink::text() const {
  std::unique_lock lock(mutex_);
  const PrometheusState state = state_;
  lock.unlock();
  return prometheus_text(state);
}

PrometheusFile::PrometheusFile(std::filesystem::path path) : path_(std::move(path)) { replace(); }

PrometheusFile::~PrometheusFile() {
  try {
    if (behind_) replace();
  } catch (const std::exception&) {  // the numbers of the last second are lost
  }
}

void PrometheusFile::write(const StepMetrics& metrics) {
  PrometheusSink::write(metrics);
  behind_ = true;
  if (std::chrono::steady_clock::now() - tried_ >= std::chrono::seconds(1)) {
    failed_ = true;
    replace();
    failed_ = false;
  } else if (failed_) {
    throw_environment("cannot write {}", path_.string());
  }
}

// Not synced to the disk: after a crash of the machine, old numbers are worth nothing.
void PrometheusFile::replace() {
  tried_ = std::chrono::steady_clock::now();
  const std::filesystem::path temporary = path_.string() + ".tmp";
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file << text();
    file.close();
    if (!file) throw_environment("cannot write {}: {}", temporary.string(), std::strerror(errno));
  }
  std::error_code failure;
  std::filesystem::rename(temporary, path_, failure);
  if (failure) throw_environment("cannot rename {} to {}: {}", temporary.string(), path_.string(), failure.message());
  behind_ = false;
}

PrometheusEndpoint::PrometheusEndpoint(const std::string& address, int64_t port)
    : server_(address, port, [this] { return text(); }) {}

}  // namespace kumiko
