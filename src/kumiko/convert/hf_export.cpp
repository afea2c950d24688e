#include "kumiko/convert/hf_export.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/file_lock.h"
#include "kumiko/checkpoint/safetensors.h"
#include "kumiko/convert/checkpoint_source.h"
#include "kumiko/convert/elements.h"
#include "kumiko/convert/hf_companions.h"
#include "kumiko/convert/hf_config.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

struct Shard {
  std::vector<const ForeignTensor*> tensors;
  size_t bytes = 0;
};

// In order, a new file where the next tensor would make one too large.
std::vector<Shard> plan_shards(const std::vector<ForeignTensor>& tensors, DType dtype, int64_t max_bytes) {
  std::vector<Shard> shards(1);
  for (const ForeignTensor& tensor : tensors) {
    const size_t bytes = static_cast<size_t>(tensor.stacked_shape().num_elements()) * size_of(dtype);
    if (shards.back().bytes > 0 && shards.back().bytes + bytes > static_cast<size_t>(max_bytes)) shards.emplace_back();
    shards.back().tensors.push_back(&tensor);
    shards.back().bytes += bytes;
  }
  return shards;
}

std::string shard_name(size_t index, size_t count) {
  return count == 1 ? "model.safetensors" : fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
}

void write_shard(const fs::path& path, CheckpointSource& source, const Shard& shard, DType dtype) {
  std::vector<SafetensorsSpec> specs;
  for (const ForeignTensor* tensor : shard.tensors) specs.push_back({tensor->hf_name, dtype, tensor->hf_shape()});
  SafetensorsWriter file(path, specs);
  std::vector<std::byte> bytes;
  for (const ForeignTensor* tensor : shard.tensors) {
    source.for_each_block(*tensor, tensor->hf_transposed, [&](std::span<const float> elements, int64_t) {
      bytes.resize(elements.size() * size_of(dtype));
      narrow(elements, dtype, bytes.data(), tensor->hf_name);
      file.write(tensor->hf_name, bytes.data(), bytes.size());
    });
  }
  file.finish();
}

void write_text(const fs::path& path, const std::string& text) {
  OutputFile file(path);
  file.write(text);
  file.finish();
}

void write_index(const fs::path& folder, const std::vector<Shard>& shards) {
  nlohmann::json weight_map;
  size_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    total += shards[i].bytes;
    for (const ForeignTensor* tensor : shards[i].tensors) weight_map[tensor->hf_name] = shard_name(i, shards.size());
  }
  const nlohmann::ordered_json index = {{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
  write_text(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

void write_folder(const fs::path& folder, CheckpointSource& source, const HfExportOptions& options) {
  const std::vector<Shard> shards = plan_shards(source.tensors(), options.dtype, options.max_shard_bytes);
  for (size_t i = 0; i < shards.size(); ++i) {
    write_shard(folder / shard_name(i, shards.size()), source, shards[i], options.dtype);
  }
  if (shards.size() > 1) write_index(folder, shards);
  write_companions(source, folder);
  write_text(folder / "config.json", hf_config_of_model(source.model(), options.dtype, token_ids_of(source)));
  sync_directory(folder);
}

}  // namespace

int64_t parse_file_size(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, int64_t>, 7> units = {{{"", 1},
                                                                          {"KB", 1000},
                                                                          {"MB", 1000'000},
                                                                          {"GB", 1000'000'000},
                                                                          {"KiB", int64_t{1} << 10},
                                                                          {"MiB", int64_t{1} << 20},
                                                                          {"GiB", int64_t{1} << 30}}};
  int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  for (const auto& [name, factor] : units) {
    int64_t bytes = 0;
    if (code != std::errc() || unit != name || __builtin_mul_overflow(number, factor, &bytes) || bytes < 1) continue;
    return bytes;
  }
  throw_user("'{}' is not the size of a file: expected a number with KB, MB, GB, KiB, MiB or GiB, as 5GB", text);
}

ConversionReport export_hf(const HfExportOptions& options) {
  const double start = seconds_now();
  const fs::path output = (options.output / "").lexically_normal().parent_path();
  if (fs::exists(output) && (!fs::is_directory(output) || !fs::is_empty(output))) {
    throw_user("{} is there already, and not empty: name a folder to be made", output.string());
  }
  CheckpointSource source(options.load, options.block_elements);
  const fs::path temporary = output.string() + ".kumiko.tmp";
  std::error_code code;
  if (output.has_parent_path()) fs::create_directories(output.parent_path(), code);
  if (code) throw_environment("cannot create the directory {}: {}", output.parent_path().string(), code.message());
  const FileLock lock(output.string() + ".lock", output.string());
  fs::remove_all(temporary, code);  // what a crash left
  fs::create_directories(temporary, code);
  if (code) throw_environment("cannot create the directory {}: {}", temporary.string(), code.message());
  try {
    write_folder(temporary, source, options);
    rename_durably(temporary, output);
  } catch (...) {
    fs::remove_all(temporary, code);
    throw;
  }
  ConversionReport report;
  report.model = source.model();
  report.path = output;
  for (const ForeignTensor& tensor : source.tensors()) {
    report.bytes += static_cast<size_t>(tensor.stacked_shape().num_elements()) * size_of(options.dtype);
  }
  report.num_tensors = static_cast<int64_t>(source.tensors().size());
  report.seconds = seconds_now() - start;
  return report;
}

}  // namespace kumiko
