#include "kumiko/train/tensorboard.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <system_error>

#include "kumiko/base/error.h"
#include "kumiko/train/protobuf.h"

namespace kumiko {
namespace {

// A CRC of data that holds CRCs is weak, so TFRecord stores this instead.
uint32_t masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

std::string record(std::string_view data) {
  std::string out;
  protobuf::append_little_endian(out, uint64_t{data.size()});
  protobuf::append_little_endian(out, masked_crc(out));
  out += data;
  protobuf::append_little_endian(out, masked_crc(data));
  return out;
}

// The beginning of an Event: wall_time = 1, step = 2 (left out when it is 0).
std::string event(double wall_time, int64_t step) {
  std::string out;
  protobuf::append_key(out, 1, protobuf::Wire::fixed64);
  protobuf::append_little_endian(out, std::bit_cast<uint64_t>(wall_time));
  if (step != 0) {
    protobuf::append_key(out, 2, protobuf::Wire::varint);
    protobuf::append_varint(out, static_cast<uint64_t>(step));
  }
  return out;
}

double wall_time_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER: readers take the files of a run in the order of their names.
std::filesystem::path new_file_name(const std::filesystem::path& directory) {
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (failure) throw_environment("cannot create directory {}: {}", directory.string(), failure.message());
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {'h', 'o', 's', 't'};
  const std::string stem =
      fmt::format("events.out.tfevents.{:010}.{}.{}", static_cast<int64_t>(wall_time_now()), host.data(), ::getpid());
  for (int number = 0;; ++number) {
    std::filesystem::path path = directory / fmt::format("{}.{}", stem, number);
    if (!std::filesystem::exists(path)) return path;
  }
}

}  // namespace

uint32_t crc32c(std::string_view bytes) { return protobuf::crc32<0x82F63B78u>(bytes); }

std::string event_file_version(double wall_time) {
  std::string out = event(wall_time, 0);
  protobuf::append_bytes(out, 3, "brain.Event:2");
  return record(out);
}

std::string event_scalars(double wall_time, int64_t step, const std::vector<Scalar>& scalars) {
  std::string summary;
  for (const Scalar& scalar : scalars) {
    std::string value;
    protobuf::append_bytes(value, 1, scalar.tag);
    protobuf::append_key(value, 2, protobuf::Wire::fixed32);
    protobuf::append_little_endian(value, std::bit_cast<uint32_t>(scalar.value));
    protobuf::append_bytes(summary, 1, value);
  }
  std::string out = event(wall_time, step);
  protobuf::append_bytes(out, 5, summary);
  return record(out);
}

std::string event_run_start(double wall_time, int64_t step) {
  std::string session_log;
  protobuf::append_key(session_log, 1, protobuf::Wire::varint);  // status = START
  protobuf::append_varint(session_log, 1);
  std::string out = event(wall_time, step);
  protobuf::append_bytes(out, 7, session_log);
  return record(out);
}

TensorBoardSink::TensorBoardSink(const std::filesystem::path& directory, int64_t first_step)
    : file_(new_file_name(directory)) {
  const double now = wall_time_now();
  file_.write(event_file_version(now) + event_run_start(now, first_step));
}

std::vector<Scalar> scalars_of(const StepMetrics& metrics) {
  std::vector<Scalar> scalars;
  const auto add = [&scalars](const char* tag, double value) { scalars.push_back({tag, static_cast<float>(value)}); };
  add("train/loss", metrics.loss);
  add("train/learning_rate", metrics.learning_rate);
  add("train/gradient_norm", metrics.gradient_norm);
  add("speed/step_seconds", metrics.step_seconds);
  add("speed/tokens_per_second", metrics.tokens_per_second);
  add("speed/tflops_per_second_per_device", metrics.flops_per_second * 1e-12);
  if (metrics.utilization) add("speed/mfu", *metrics.utilization);
  add("memory/bytes", static_cast<double>(metrics.memory_bytes));
  add("progress/consumed_tokens", static_cast<double>(metrics.consumed_tokens));
  if (metrics.loss_scale) {
    add("train/loss_scale", *metrics.loss_scale);
    add("train/skipped_steps", static_cast<double>(metrics.skipped_steps));
  }
  if (metrics.validation_loss) add("validation/loss", *metrics.validation_loss);
  return scalars;
}

void TensorBoardSink::write(const StepMetrics& metrics) {
  file_.write(event_scalars(wall_time_now(), metrics.step, scalars_of(metrics)));
}

}  // namespace kumiko
