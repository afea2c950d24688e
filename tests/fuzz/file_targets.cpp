#include "fuzz/targets.h"
#include "kumiko/checkpoint/cover.h"
#include "kumiko/checkpoint/manifest.h"
#include "kumiko/checkpoint/safetensors.h"
#include "kumiko/convert/hf_config.h"
#include "kumiko/kernels/cases.h"
#include "kumiko/schedule/timeline_file.h"
#include "kumiko/train/config.h"
#include "kumiko/train/metrics.h"
#include "kumiko/train/metrics_server.h"

namespace kumiko::fuzz {

void safetensors(std::string_view input) {
  const SafetensorsFile file(file_of("model.safetensors", input));
  unsigned sum = 0;
  for (const auto& entry : file.entries()) {
    for (const std::byte byte : file.bytes(entry)) sum += static_cast<unsigned>(byte);
    require(file.find(entry.name) != nullptr, "an entry that its name does not find");
  }
  require(sum != ~0u, "a sum that no file of this size has");  // so that the bytes are read
}

void manifest(std::string_view input) {
  const Manifest read = parse_manifest(input, "manifest.json");
  for (const auto& [name, tensor] : read.tensors) {
    std::vector<Box> boxes;
    for (const auto& chunk : tensor.chunks) boxes.push_back(chunk.box);
    cover_defect(tensor.shape, boxes);
  }
  parse_manifest(to_json(read), "its copy");
}

void hf_config(std::string_view input) { model_of_hf_config(std::string(input), "config.json"); }

void configuration(std::string_view input) {
  Config config = parse_config(std::string(input), "run.toml");
  const std::string written = config.to_toml();
  require(parse_config(written, "its copy").to_toml() == written, "a configuration that does not read back");
  config.validate();
}

void http(std::string_view input) {
  require(!http_response(std::string(input), [] { return std::string("metric 1\n"); }).empty(), "no answer");
}

// metrics.jsonl of a run that resumes at step 3.
void metrics_log(std::string_view input) { JsonLinesSink(file_of("metrics.jsonl", input), 3); }

void timeline(std::string_view input) {
  const std::filesystem::path path = file_of("timeline.json", input);
  const auto read_costs = [](std::string_view file) { read_stage_costs(std::filesystem::path(file), 4); };
  const std::string found = finding({"costs", read_costs}, path.string());
  require(found.empty(), found.c_str());
  const TimelineFile file = read_timeline_file(path);
  mean_costs(file.timeline, 0);
  to_json(file);
}

void kernel_case(std::string_view input) { CaseSpec::parse(input).to_string(); }

}  // namespace kumiko::fuzz
