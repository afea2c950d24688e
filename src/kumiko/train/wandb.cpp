#include "kumiko/train/wandb.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <ctime>
#include <exception>
#include <nlohmann/json.hpp>
#include <random>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/base/system_failure.h"
#include "kumiko/checkpoint/manifest.h"
#include "kumiko/train/protobuf.h"
#include "kumiko/train/tensorboard.h"

namespace kumiko {
namespace {

using protobuf::append_bytes;
using protobuf::append_integer;

// Numbers of the fields of wandb_internal.proto.
enum RecordField : uint64_t {
  record_number = 1,
  record_history = 2,
  record_summary = 3,
  record_run = 17,
  record_exit = 18,
  record_header = 21,
};

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The client's own words for what JSON cannot say.
template <class Number>
std::string json_number(Number value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  return fmt::format("{}", value);
}

// ConfigItem, HistoryItem and SummaryItem: a key in field 1, or a path of keys in field 2; the value in field 16.
std::string wandb_item(uint64_t key_field, std::string_view key, std::string_view json) {
  std::string out;
  append_bytes(out, key_field, key);
  append_bytes(out, 16, json);
  return out;
}

std::string run_message(const WandbRun& run) {
  std::string config;
  for (const auto& [key, json] : run.config) append_bytes(config, 1, wandb_item(1, key, json));
  std::string start;
  append_integer(start, 1, static_cast<uint64_t>(run.start));
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::string out;
  append_bytes(out, 1, run.id);
  append_bytes(out, 3, run.project);
  append_bytes(out, 4, config);
  if (!run.group.empty()) append_bytes(out, 6, run.group);
  if (!run.name.empty()) append_bytes(out, 8, run.name);
  append_bytes(out, 13, host.data());
  append_bytes(out, 17, start);
  return out;
}

std::string time_text(double seconds) {
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm local{};
  ::localtime_r(&whole, &local);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y%m%d_%H%M%S", &local);
  return text.data();
}

}  // namespace

std::string LevelDbLog::file_header() {
  const std::string header = std::string(":W&B") + std::string("\xe1\xbe\x00", 3);  // magic number, version
  position_ += header.size();
  return header;
}

std::string LevelDbLog::record(std::string_view record) {
  constexpr size_t block = 32768;
  constexpr size_t fragment_header = 7;  // CRC, length, type
  enum Type : uint8_t { full = 1, first = 2, middle = 3, last = 4 };
  std::string out;
  bool begun = false;
  do {
    size_t room = block - position_ % block;
    if (room < fragment_header) {
      out.append(room, '\0');
      position_ += room;
      room = block;
    }
    const std::string_view data = record.substr(0, room - fragment_header);
    record.remove_prefix(data.size());
    const Type type = record.empty() ? (begun ? last : full) : (begun ? middle : first);
    const std::string body = std::string(1, static_cast<char>(type)) + std::string(data);
    protobuf::append_little_endian(out, protobuf::crc32<0xEDB88320u>(body));  // of Ethernet and zlib
    protobuf::append_little_endian(out, static_cast<uint16_t>(data.size()));
    out += body;
    position_ += fragment_header + data.size();
    begun = true;
  } while (!record.empty());
  return out;
}

std::vector<std::pair<std::string, std::string>> wandb_config(const OptionTable& table) {
  std::vector<std::pair<std::string, std::string>> config;
  for (const Option& option : table.options()) {
    const std::string text = option.get();
    const auto parsed = nlohmann::json::parse(text, nullptr, false);
    const bool plain = parsed.is_number() || parsed.is_boolean();
    config.emplace_back(
        option.name(),
        plain ? text : nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  return config;
}

WandbRun new_wandb_run(std::string project, std::string name) {
  constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::random_device random;
  WandbRun run;
  for (int i = 0; i < 8; ++i) run.id += letters[random() % letters.size()];
  run.project = std::move(project);
  run.name = std::move(name);
  run.start = seconds_since_1970();
  return run;
}

WandbSink::WandbSink(const std::filesystem::path& directory, WandbRun run)
    : run_(std::move(run)),
      folder_(directory / fmt::format("offline-run-{}-{}", time_text(run_.start), run_.id)),
      exceptions_at_start_(std::uncaught_exceptions()) {
  std::error_code failure;
  for (const char* inner : {"files", "logs"}) {
    std::filesystem::create_directories(folder_ / inner, failure);
    if (failure) throw_environment("cannot create directory {}: {}", (folder_ / inner).string(), failure.message());
  }
  file_.emplace(folder_ / fmt::format("run-{}.wandb", run_.id));
  std::string versions;
  append_bytes(versions, 1, "kumiko " + kumiko_version());
  append_bytes(versions, 2, "0.70.0");  // the oldest client that reads it, in the client's own counting
  std::string header;
  append_bytes(header, 1, versions);
  std::string header_record;
  append_bytes(header_record, record_header, header);
  std::string run_record;
  append_bytes(run_record, record_run, run_message(run_));
  append({header_record, run_record});
}

WandbSink::~WandbSink() {
  std::string exit;
  append_integer(exit, 1, std::uncaught_exceptions() > exceptions_at_start_ ? 1 : 0);
  append_integer(exit, 2, static_cast<uint64_t>(std::max(0.0, seconds_since_1970() - run_.start)));
  std::string record;
  append_bytes(record, record_exit, exit);
  try {
    append({record});
  } catch (const std::exception& error) {
    log::warning("{}", error_from(error).what());
  }
}

// All of them or none: where they cannot be written, the log stands where it stood.
void WandbSink::append(const std::vector<std::string>& messages) {
  LevelDbLog log = log_;
  int64_t number = num_records_;
  std::string text = number == 0 ? log.file_header() : "";
  for (const std::string& message : messages) {
    std::string record;
    append_integer(record, record_number, static_cast<uint64_t>(++number));
    text += log.record(record + message);
  }
  file_->write(text);
  log_ = log;
  num_records_ = number;
}

void WandbSink::write(const StepMetrics& metrics) {
  const double now = seconds_since_1970();
  std::string history;
  std::string summary;
  const auto add = [&](std::string_view key, const std::string& json) {
    append_bytes(history, 1, wandb_item(2, key, json));
    append_bytes(summary, 1, wandb_item(2, key, json));
  };
  for (const Scalar& scalar : scalars_of(metrics)) add(scalar.tag, json_number(scalar.value));
  add("_step", fmt::format("{}", metrics.step));
  add("_timestamp", json_number(now));
  add("_runtime", json_number(now - run_.start));
  std::string step;
  append_integer(step, 1, static_cast<uint64_t>(metrics.step));
  append_bytes(history, 2, step);
  std::string summary_record;
  append_bytes(summary_record, record_summary, summary);
  std::string history_record;
  append_bytes(history_record, record_history, history);
  append({summary_record, history_record});
}

}  // namespace kumiko
