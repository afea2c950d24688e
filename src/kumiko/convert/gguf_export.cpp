#include "kumiko/convert/gguf_export.h"

#include <algorithm>
#include <optional>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/convert/checkpoint_source.h"
#include "kumiko/convert/gguf_tokenizer.h"
#include "kumiko/convert/hf_companions.h"
#include "kumiko/model/rotary.h"
#include "kumiko/train/kept_tokenizer.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

constexpr const char* head_name = "output.weight";
constexpr const char* rotary_factors_name = "rope_freqs.weight";

std::string architecture_of(const ModelOptions& model) {
  if (model.architecture == Architecture::gpt) return "gpt2";
  return model.add_qkv_bias ? "qwen2" : "llama";
}

void check_model(const ModelOptions& model) {
  if (model.add_qkv_bias && model.use_rope_scaling) {
    throw_user("llama.cpp has no model with both model.add_qkv_bias and model.use_rope_scaling");
  }
  if (model.window_size == 0) return;
  log::warning(
      "llama.cpp's {} attends to all positions: beyond the first {} (model.window_size) of a text it will compute "
      "something else than this model",
      architecture_of(model), model.window_size);
}

uint32_t file_type(GgufType type) {
  switch (type) {
    case GgufType::f32:
      return 0;
    case GgufType::f16:
      return 1;
    case GgufType::q8_0:
      return 7;
    case GgufType::bf16:
      return 32;
  }
  throw_internal("no such element type");
}

GgufSettings settings_of(const ModelOptions& model, GgufType type, const std::string& name) {
  GgufSettings settings;
  const std::string architecture = architecture_of(model);
  const auto add = [&](const char* key, auto value) { settings.add(architecture + "." + key, value); };
  const auto count = [&](const char* key, int64_t value) { add(key, static_cast<uint32_t>(value)); };
  settings.add("general.architecture", architecture);
  settings.add("general.name", name);
  settings.add("general.alignment", uint32_t{32});
  settings.add("general.file_type", file_type(type));
  if (type == GgufType::q8_0) settings.add("general.quantization_version", uint32_t{2});
  count("vocab_size", model.vocab_size);
  count("context_length", model.max_position_embeddings);
  count("embedding_length", model.hidden_size);
  count("block_count", model.num_layers);
  count("feed_forward_length", model.feed_forward_size());
  count("attention.head_count", model.num_attention_heads);
  count("attention.head_count_kv", model.num_kv_heads());
  if (model.architecture == Architecture::gpt) {
    add("attention.layer_norm_epsilon", static_cast<float>(model.layernorm_epsilon));
    return settings;
  }
  add("attention.layer_norm_rms_epsilon", static_cast<float>(model.layernorm_epsilon));
  count("rope.dimension_count", model.head_size());
  add("rope.freq_base", static_cast<float>(model.rotary_base));
  if (model.head_size() * model.num_attention_heads != model.hidden_size) {
    count("attention.key_length", model.head_size());
    count("attention.value_length", model.head_size());
  }
  return settings;
}

// What each pair's frequency is divided by.
std::vector<float> rotary_factors(const ModelOptions& model) {
  ModelOptions unscaled = model;
  unscaled.use_rope_scaling = false;
  const std::vector<double> scaled = rotary_frequencies(model);
  std::vector<double> factors = rotary_frequencies(unscaled);
  for (size_t pair = 0; pair < factors.size(); ++pair) factors[pair] /= scaled[pair];
  return {factors.begin(), factors.end()};
}

// Heads whose rows llama.cpp wants in another order.
int64_t paired_heads(const ModelOptions& model, const ForeignTensor& tensor) {
  return architecture_of(model) == "llama" ? tensor.rotary_heads : 0;
}

GgufType type_of(const ForeignTensor& tensor, GgufType type) {
  const Shape shape = tensor.stacked_shape();
  if (shape.rank() < 2 || tensor.gguf_name == "position_embd.weight") return GgufType::f32;
  return type == GgufType::q8_0 && shape[1] % q8_0_block != 0 ? GgufType::f16 : type;
}

// The embedding as the head of a model whose head is tied to it; GPT-2 is read with a head of its own only.
std::optional<ForeignTensor> copied_head(const CheckpointSource& source) {
  const ModelOptions& model = source.model();
  if (model.architecture != Architecture::gpt || model.untie_embeddings_and_output_weights) return std::nullopt;
  ForeignTensor head = source.tensors().front();
  head.gguf_name = head_name;
  return head;
}

// Rows (pair i, half j) of each head to 2 i + j; in the model they are j D / 2 + i.
void pair_rows(std::span<const float> rows, int64_t head_size, int64_t columns, std::vector<float>& paired) {
  paired.resize(rows.size());
  const int64_t num_rows = static_cast<int64_t>(rows.size()) / columns;
  for (int64_t row = 0; row < num_rows; ++row) {
    const int64_t in_head = row % head_size;
    const int64_t from = row - in_head + in_head % 2 * (head_size / 2) + in_head / 2;
    std::copy_n(rows.begin() + from * columns, columns, paired.begin() + row * columns);
  }
}

void write_tensor(GgufWriter& file, CheckpointSource& source, const ForeignTensor& tensor, GgufType type) {
  const Shape shape = tensor.stacked_shape();
  const int64_t heads = paired_heads(source.model(), tensor);
  const int64_t columns = shape.rank() == 2 ? shape[1] : 1;
  std::vector<float> paired;
  std::vector<std::byte> bytes;
  const auto write = [&](std::span<const float> elements, int64_t) {
    if (heads > 0) {
      pair_rows(elements, shape[0] / heads, columns, paired);
      elements = paired;
    }
    bytes.resize(gguf_bytes(type, static_cast<int64_t>(elements.size())));
    gguf_convert(elements, type, bytes.data(), tensor.gguf_name);
    file.write(tensor.gguf_name, bytes.data(), bytes.size());
  };
  source.for_each_block(tensor, false, write, heads > 0 ? shape[0] / heads : 1);
}

}  // namespace

ConversionReport export_gguf(const GgufExportOptions& options) {
  const double start = seconds_now();
  if (fs::exists(options.output)) {
    throw_user("{} is there already: name a file to be made", options.output.string());
  }
  CheckpointSource source(options.load, options.block_elements);
  const ModelOptions& model = source.model();
  check_model(model);
  GgufSettings settings = settings_of(model, options.type, options.output.stem().string());
  const fs::path kept = kept_directory(source.path());
  if (options.tokenizer && !kept.empty()) {
    add_gguf_tokenizer(settings, kept, model.vocab_size, token_ids_of(source));
  } else {
    if (options.tokenizer) log::warning("no tokenizer is kept beside {}: the file has none", source.path().string());
    settings.add("tokenizer.ggml.model", "none");
  }

  std::vector<ForeignTensor> tensors = source.tensors();
  if (const auto head = copied_head(source)) tensors.push_back(*head);
  std::vector<GgufTensor> specs;
  const std::vector<float> factors = model.use_rope_scaling ? rotary_factors(model) : std::vector<float>{};
  if (!factors.empty()) {
    specs.push_back({rotary_factors_name, Shape{static_cast<int64_t>(factors.size())}, GgufType::f32});
  }
  ConversionReport report;
  std::string halves;
  for (const ForeignTensor& tensor : tensors) {
    const GgufType type = type_of(tensor, options.type);
    specs.push_back({tensor.gguf_name, tensor.stacked_shape(), type});
    report.bytes += gguf_bytes(type, tensor.stacked_shape().num_elements());
    if (options.type == GgufType::q8_0 && type == GgufType::f16)
      halves += (halves.empty() ? "" : ", ") + tensor.gguf_name;
  }
  if (!halves.empty()) log::warning("f16 instead of Q8_0, since their rows do not divide by 32: {}", halves);

  GgufWriter file(options.output, settings, specs);
  if (!factors.empty()) file.write(rotary_factors_name, factors.data(), factors.size() * sizeof(float));
  for (const ForeignTensor& tensor : tensors) write_tensor(file, source, tensor, type_of(tensor, options.type));
  file.finish();
  report.model = model;
  report.path = options.output;
  report.num_tensors = static_cast<int64_t>(specs.size());
  report.seconds = seconds_now() - start;
  return report;
}

}  // namespace kumiko
