#include "kumiko/checkpoint/describe.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/base/json_text.h"
#include "kumiko/base/text.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/checkpoint/reader.h"
#include "kumiko/checkpoint/safetensors.h"

namespace kumiko {
namespace {

using nlohmann::ordered_json;

constexpr size_t max_boxes = 3;

struct Row {
  std::string name, shape, dtype, size, rest;
};

// Numbers in names by value: h.2 before h.10.
bool natural_less(const Row& left, const Row& right) {
  const std::string& a = left.name;
  const std::string& b = right.name;
  size_t i = 0;
  size_t j = 0;
  const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const auto number_end = [&](const std::string& text, size_t k) {
        while (k < text.size() && is_digit(text[k])) ++k;
        return k;
      };
      const std::string x = a.substr(i, number_end(a, i) - i);
      const std::string y = b.substr(j, number_end(b, j) - j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      i += x.size();
      j += y.size();
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

std::string table(std::vector<Row> rows) {
  std::sort(rows.begin(), rows.end(), natural_less);
  rows.insert(rows.begin(), {"tensor", "shape", "dtype", "size", "stored as"});
  size_t name = 0;
  size_t shape = 0;
  size_t dtype = 0;
  size_t size = 0;
  for (const Row& row : rows) {
    name = std::max(name, row.name.size());
    shape = std::max(shape, row.shape.size());
    dtype = std::max(dtype, row.dtype.size());
    size = std::max(size, row.size.size());
  }
  std::string text;
  for (const Row& row : rows) {
    const std::string line = fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>{}}  {}", row.name, name, row.shape, shape,
                                         row.dtype, dtype, row.size, size, row.rest);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

// "whole in rank-00000", or "[0:4, 0:8] in rank-00000, [4:8, 0:8] in rank-00001".
std::string boxes_of(const TensorRecord& tensor) {
  std::string text;
  for (size_t i = 0; i < std::min(tensor.chunks.size(), max_boxes); ++i) {
    const ChunkRecord& chunk = tensor.chunks[i];
    const std::string file = chunk.file.substr(0, chunk.file.find("-of-"));
    const bool whole = chunk.box == Box::whole(tensor.shape);
    text += fmt::format("{}{} in {}", i == 0 ? "" : ", ", whole ? "whole" : chunk.box.to_string(), file);
  }
  if (tensor.chunks.size() > max_boxes) text += fmt::format(" and {} more boxes", tensor.chunks.size() - max_boxes);
  return text;
}

struct Sum {
  size_t tensors = 0;
  int64_t elements = 0;
  size_t bytes = 0;

  void add(int64_t num_elements, size_t num_bytes) {
    ++tensors;
    elements += num_elements;
    bytes += num_bytes;
  }
  std::string to_string() const {
    const std::string rounded = elements < 1000 ? "" : " (" + human_count(static_cast<double>(elements)) + ")";
    return fmt::format("{}{} in {} tensors, {}", with_thousands(elements), rounded, tensors,
                       human_bytes(static_cast<double>(bytes)));
  }
};

Sum sum_of(const Manifest& manifest, TensorRole role) {
  Sum sum;
  for (const auto& [name, tensor] : manifest.tensors) {
    if (tensor.role == role) sum.add(tensor.shape.num_elements(), tensor.num_bytes());
  }
  return sum;
}

std::string files_line(const Manifest& manifest) {
  size_t total = 0;
  size_t largest = 0;
  for (const FileRecord& file : manifest.files) {
    total += file.size;
    largest = std::max(largest, file.size);
  }
  return fmt::format("{} with {}, the largest {}", manifest.files.size(), human_bytes(static_cast<double>(total)),
                     human_bytes(static_cast<double>(largest)));
}

// The checkpoints beside this one, if it lies among others.
std::string neighbours(const std::filesystem::path& root) {
  std::string text;
  for (const int64_t step : list_checkpoints(root)) text += (text.empty() ? "" : ", ") + std::to_string(step);
  return text;
}

std::string indented(const std::string& json_text) {
  std::string text = parse_ordered_json(json_text, "the state of a checkpoint").dump(2);
  for (size_t i = text.find('\n'); i != std::string::npos; i = text.find('\n', i + 1)) text.insert(i + 1, 13, ' ');
  return text;
}

std::string tensor_table(const Manifest& manifest) {
  std::vector<Row> rows;
  for (const auto& [name, tensor] : manifest.tensors) {
    rows.push_back({name, tensor.shape.to_string(), std::string(name_of(tensor.dtype)),
                    human_bytes(static_cast<double>(tensor.num_bytes())), boxes_of(tensor)});
  }
  return table(std::move(rows));
}

// Rows of the state, and what else there is to say of it.
std::string state_text(const std::string& state, const std::string& origin, const DescribeOptions& options) {
  if (options.describe_state != nullptr) {
    try {
      return options.describe_state(state, origin);
    } catch (const Error&) {
      // Of another program: it is shown as it is.
    }
  }
  return fmt::format("state        {}\n", indented(state));
}

}  // namespace

bool is_checkpoint(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) return false;
  const std::string name = (path / "").lexically_normal().parent_path().filename().string();
  return step_of_name(name) || fs::exists(path / manifest_name) || fs::exists(path / latest_name) ||
         !list_checkpoints(path).empty();
}

std::string describe_checkpoint(const std::filesystem::path& path, const DescribeOptions& options) {
  CheckpointReader reader = CheckpointReader::open(path);
  if (options.verify) reader.verify();
  const Manifest& manifest = reader.manifest();
  const Sum parameters = sum_of(manifest, TensorRole::parameter);
  const Sum optimizer = sum_of(manifest, TensorRole::optimizer);
  if (options.json) {
    ordered_json result = {{"path", reader.path().string()}, {"num_parameters", parameters.elements}};
    result.update(parse_ordered_json(to_json(manifest), "manifest"));
    return result.dump(1) + "\n";
  }
  std::string text = fmt::format("checkpoint   {}\nstep         {}\nwritten by   kumiko {}\n", reader.path().string(),
                                 manifest.step, manifest.kumiko_version);
  if (path != reader.path()) text += fmt::format("all steps    {}\n", neighbours(path));
  text += fmt::format("parameters   {}\n", parameters.to_string());
  if (optimizer.tensors > 0) text += fmt::format("optimizer    {}\n", optimizer.to_string());
  text += fmt::format("files        {}{}\n", files_line(manifest), options.verify ? "; every byte verified" : "");
  text += state_text(manifest.state, reader.path().string(), options);
  return options.tensors ? text + "\n" + tensor_table(manifest) : text;
}

std::string describe_safetensors(const std::filesystem::path& path, const DescribeOptions& options) {
  const SafetensorsFile file(path);
  Sum sum;
  ordered_json tensors = ordered_json::object();
  std::vector<Row> rows;
  for (const SafetensorsEntry& entry : file.entries()) {
    const size_t bytes = entry.end - entry.begin;
    sum.add(entry.shape.num_elements(), bytes);
    tensors[entry.name] = {{"shape", entry.shape.sizes()}, {"dtype", entry.dtype_name}, {"bytes", bytes}};
    rows.push_back({entry.name, entry.shape.to_string(), entry.dtype_name, human_bytes(static_cast<double>(bytes)),
                    fmt::format("bytes {} to {}", entry.begin, entry.end)});
  }
  if (options.json) {
    const ordered_json result = {{"path", path.string()},
                                 {"num_elements", sum.elements},
                                 {"metadata", file.metadata()},
                                 {"tensors", std::move(tensors)}};
    return result.dump(1) + "\n";
  }
  std::string text = fmt::format("safetensors  {}\nelements     {}\n", path.string(), sum.to_string());
  for (const auto& [key, value] : file.metadata()) text += fmt::format("metadata     {} = {}\n", key, value);
  return text + "\n" + table(std::move(rows));
}

}  // namespace kumiko
