#include "kumiko/train/scaling_layout.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/model/tensor_parallel.h"

namespace kumiko {
namespace {

[[noreturn]] void refuse(std::string_view layout) {
  throw_user(
      "layout \"{}\": expected the sizes of the data and the tensor axis, as 4x2, and after a colon each what else "
      "is set of [parallel], as 4x2:zero_stage=3",
      layout);
}

int64_t parse_size(std::string_view text, std::string_view layout) {
  int64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size() || size < 1) refuse(layout);
  return size;
}

ScalingLayout parse_layout(const std::string& text) {
  const std::vector<std::string> fields = split(text, ':');
  const std::vector<std::string> sizes = split(fields.front(), 'x');
  if (sizes.size() != 2) refuse(text);
  ScalingLayout layout{parse_size(trim(sizes[0]), text), parse_size(trim(sizes[1]), text), {}};
  for (size_t i = 1; i < fields.size(); ++i) {
    const std::string_view field = trim(fields[i]);
    const size_t equals = field.find('=');
    const std::string key(trim(field.substr(0, equals)));
    if (key.empty()) refuse(text);
    layout.options.emplace_back(key, equals == std::string_view::npos ? "true" : trim(field.substr(equals + 1)));
  }
  return layout;
}

// What is settled once for all layouts: where ranks compute, and how the job communicates.
void refuse_options_of_the_job(const ScalingLayout& layout) {
  OptionTable table;
  table.section("parallel");
  CommunicationOptions communication;
  communication.describe(table);
  std::vector<std::string> keys = {"data_parallel_size", "tensor_model_parallel_size", "num_threads", "bind"};
  for (const Option& option : table.options()) keys.push_back(option.key);
  for (const auto& [key, value] : layout.options) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) continue;
    throw_user("layout {}: parallel.{} cannot differ between layouts; give it for all, as --parallel.{}", layout.name(),
               key, key);
  }
}

}  // namespace

std::string_view name_of(ScalingMode mode) { return mode == ScalingMode::strong ? "strong" : "weak"; }

std::string ScalingLayout::name() const {
  std::string name = fmt::format("{}x{}", data, tensor);
  for (const auto& [key, value] : options) name += ":" + key + (value == "true" ? "" : "=" + value);
  return name;
}

ParallelOptions ScalingLayout::apply(ParallelOptions base) const {
  refuse_options_of_the_job(*this);
  OptionTable table;
  base.describe(table);
  for (const auto& [key, value] : options) table.set("parallel." + key, value, "layout " + name());
  base.data_parallel_size = data;
  base.tensor_model_parallel_size = tensor;
  return base;
}

std::vector<ScalingLayout> parse_layouts(const std::string& text) {
  std::vector<ScalingLayout> layouts;
  for (const std::string& layout : split(text, ',')) layouts.push_back(parse_layout(std::string(trim(layout))));
  return layouts;
}

std::vector<ScalingLayout> default_layouts(int64_t num_ranks, int64_t most_tensor, const ModelOptions& model) {
  std::vector<ScalingLayout> layouts;
  for (int64_t ranks = 1; ranks <= num_ranks; ranks = ranks < num_ranks ? std::min(2 * ranks, num_ranks) : ranks + 1) {
    for (int64_t tensor = 1; tensor <= std::min(ranks, most_tensor); tensor *= 2) {
      if (ranks % tensor == 0 && can_cut(model, tensor)) layouts.push_back({ranks / tensor, tensor, {}});
    }
  }
  return layouts;
}

int64_t least_global_batch(const std::vector<ScalingLayout>& layouts, int64_t micro_batch_size) {
  int64_t data = 1;
  for (const ScalingLayout& layout : layouts) data = std::lcm(data, layout.data);
  return micro_batch_size * data;
}

}  // namespace kumiko
