#include "kumiko/convert/names.h"

#include <array>
#include <span>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

enum class Extent : uint8_t { none, hidden, queries, keys, feed_forward, vocabulary, positions };
enum class When : uint8_t { always, untied, qkv_bias };

struct PartRow {
  const char* name = nullptr;  // in a block: behind "block.N."
  Extent rows = Extent::none;
  Extent columns = Extent::none;
};

struct NameRow {
  const char* hf;
  const char* gguf;
  std::array<PartRow, 3> parts;
  bool hf_transposed = false;
  When when = When::always;
};

using E = Extent;

constexpr NameRow gpt_before[] = {
    {"transformer.wte.weight", "token_embd.weight", {{{"embedding.token", E::vocabulary, E::hidden}}}},
    {"transformer.wpe.weight", "position_embd.weight", {{{"embedding.position", E::positions, E::hidden}}}},
};
constexpr NameRow gpt_block[] = {
    {"ln_1.weight", "attn_norm.weight", {{{"attention_norm.weight", E::hidden}}}},
    {"ln_1.bias", "attn_norm.bias", {{{"attention_norm.bias", E::hidden}}}},
    {"attn.c_attn.weight",
     "attn_qkv.weight",
     {{{"attention.query.weight", E::queries, E::hidden},
       {"attention.key.weight", E::keys, E::hidden},
       {"attention.value.weight", E::keys, E::hidden}}},
     true},
    {"attn.c_attn.bias",
     "attn_qkv.bias",
     {{{"attention.query.bias", E::queries}, {"attention.key.bias", E::keys}, {"attention.value.bias", E::keys}}}},
    {"attn.c_proj.weight", "attn_output.weight", {{{"attention.output.weight", E::hidden, E::queries}}}, true},
    {"attn.c_proj.bias", "attn_output.bias", {{{"attention.output.bias", E::hidden}}}},
    {"ln_2.weight", "ffn_norm.weight", {{{"mlp_norm.weight", E::hidden}}}},
    {"ln_2.bias", "ffn_norm.bias", {{{"mlp_norm.bias", E::hidden}}}},
    {"mlp.c_fc.weight", "ffn_up.weight", {{{"mlp.up.weight", E::feed_forward, E::hidden}}}, true},
    {"mlp.c_fc.bias", "ffn_up.bias", {{{"mlp.up.bias", E::feed_forward}}}},
    {"mlp.c_proj.weight", "ffn_down.weight", {{{"mlp.down.weight", E::hidden, E::feed_forward}}}, true},
    {"mlp.c_proj.bias", "ffn_down.bias", {{{"mlp.down.bias", E::hidden}}}},
};
constexpr NameRow gpt_after[] = {
    {"transformer.ln_f.weight", "output_norm.weight", {{{"final_norm.weight", E::hidden}}}},
    {"transformer.ln_f.bias", "output_norm.bias", {{{"final_norm.bias", E::hidden}}}},
    {"lm_head.weight", "output.weight", {{{"head.weight", E::vocabulary, E::hidden}}}, false, When::untied},
};

constexpr NameRow llama_before[] = {
    {"model.embed_tokens.weight", "token_embd.weight", {{{"embedding.token", E::vocabulary, E::hidden}}}},
};
constexpr NameRow llama_block[] = {
    {"input_layernorm.weight", "attn_norm.weight", {{{"attention_norm.weight", E::hidden}}}},
    {"self_attn.q_proj.weight", "attn_q.weight", {{{"attention.query.weight", E::queries, E::hidden}}}},
    {"self_attn.k_proj.weight", "attn_k.weight", {{{"attention.key.weight", E::keys, E::hidden}}}},
    {"self_attn.v_proj.weight", "attn_v.weight", {{{"attention.value.weight", E::keys, E::hidden}}}},
    {"self_attn.q_proj.bias", "attn_q.bias", {{{"attention.query.bias", E::queries}}}, false, When::qkv_bias},
    {"self_attn.k_proj.bias", "attn_k.bias", {{{"attention.key.bias", E::keys}}}, false, When::qkv_bias},
    {"self_attn.v_proj.bias", "attn_v.bias", {{{"attention.value.bias", E::keys}}}, false, When::qkv_bias},
    {"self_attn.o_proj.weight", "attn_output.weight", {{{"attention.output.weight", E::hidden, E::queries}}}},
    {"post_attention_layernorm.weight", "ffn_norm.weight", {{{"mlp_norm.weight", E::hidden}}}},
    {"mlp.gate_proj.weight", "ffn_gate.weight", {{{"mlp.gate.weight", E::feed_forward, E::hidden}}}},
    {"mlp.up_proj.weight", "ffn_up.weight", {{{"mlp.up.weight", E::feed_forward, E::hidden}}}},
    {"mlp.down_proj.weight", "ffn_down.weight", {{{"mlp.down.weight", E::hidden, E::feed_forward}}}},
};
constexpr NameRow llama_after[] = {
    {"model.norm.weight", "output_norm.weight", {{{"final_norm.weight", E::hidden}}}},
    {"lm_head.weight", "output.weight", {{{"head.weight", E::vocabulary, E::hidden}}}, false, When::untied},
};

struct NameTable {
  std::string_view hf_prefix;  // of all but the head, in files of a model with its head
  const char* hf_block;        // before the number of a block
  std::array<const char*, 2> hf_buffer_endings;
  std::span<const NameRow> before, block, after;
};

const NameTable& table_of(Architecture architecture) {
  static constexpr NameTable gpt = {"transformer.", "transformer.h.", {".attn.bias", ".attn.masked_bias"},
                                    gpt_before,     gpt_block,        gpt_after};
  static constexpr NameTable llama = {"model.",     "model.layers.", {".rotary_emb.inv_freq", ".rotary_emb.inv_freq"},
                                      llama_before, llama_block,     llama_after};
  return architecture == Architecture::gpt ? gpt : llama;
}

int64_t extent_of(const ModelOptions& options, Extent extent) {
  switch (extent) {
    case Extent::hidden:
      return options.hidden_size;
    case Extent::queries:
      return options.query_size();
    case Extent::keys:
      return options.kv_size();
    case Extent::feed_forward:
      return options.feed_forward_size();
    case Extent::vocabulary:
      return options.vocab_size;
    case Extent::positions:
      return options.max_position_embeddings;
    case Extent::none:
      break;
  }
  throw_internal("a dim without an extent");
}

bool applies(const ModelOptions& options, When when) {
  if (when == When::untied) return options.untie_embeddings_and_output_weights;
  return when == When::always || options.add_qkv_bias;
}

int64_t rotary_heads(const ModelOptions& options, std::string_view part) {
  if (options.architecture != Architecture::llama) return 0;
  if (part.starts_with("attention.query.")) return options.num_attention_heads;
  return part.starts_with("attention.key.") ? options.num_kv_heads() : 0;
}

void append(std::vector<ForeignTensor>& tensors, const ModelOptions& options, std::span<const NameRow> rows,
            const std::string& hf_prefix, const std::string& gguf_prefix, const std::string& our_prefix) {
  for (const NameRow& row : rows) {
    if (!applies(options, row.when)) continue;
    ForeignTensor tensor{
        hf_prefix + row.hf, gguf_prefix + row.gguf, {}, row.hf_transposed, rotary_heads(options, row.parts[0].name)};
    for (const PartRow& part : row.parts) {
      if (part.name == nullptr) break;
      const int64_t num_rows = extent_of(options, part.rows);
      const Shape shape =
          part.columns == Extent::none ? Shape{num_rows} : Shape{num_rows, extent_of(options, part.columns)};
      tensor.parts.push_back({our_prefix + part.name, shape});
    }
    tensors.push_back(std::move(tensor));
  }
}

}  // namespace

Shape ForeignTensor::stacked_shape() const {
  Shape shape = parts.front().shape;
  for (size_t i = 1; i < parts.size(); ++i) shape[0] += parts[i].shape[0];
  return shape;
}

Shape ForeignTensor::hf_shape() const {
  const Shape shape = stacked_shape();
  return hf_transposed ? Shape{shape[1], shape[0]} : shape;
}

std::vector<ForeignTensor> foreign_tensors(const ModelOptions& options) {
  const NameTable& table = table_of(options.architecture);
  std::vector<ForeignTensor> tensors;
  append(tensors, options, table.before, "", "", "");
  for (int64_t layer = 0; layer < options.num_layers; ++layer) {
    append(tensors, options, table.block, fmt::format("{}{}.", table.hf_block, layer), fmt::format("blk.{}.", layer),
           fmt::format("block.{}.", layer));
  }
  append(tensors, options, table.after, "", "", "");
  return tensors;
}

std::string_view without_hf_prefix(Architecture architecture, std::string_view name) {
  const std::string_view prefix = table_of(architecture).hf_prefix;
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

bool is_hf_buffer(Architecture architecture, std::string_view name) {
  for (const char* ending : table_of(architecture).hf_buffer_endings) {
    if (name.ends_with(ending)) return true;
  }
  return false;
}

}  // namespace kumiko
