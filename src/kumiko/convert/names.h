// What the tensors of a model are called outside, and how they lie there: one table for each architecture, as data.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kumiko/model/options.h"
#include "kumiko/tensor/shape.h"

namespace kumiko {

// A tensor as the model has it: its logical name and global shape, linear weights [out, in].
struct LogicalTensor {
  std::string name;
  Shape shape;
};

// A tensor as others store it: our `parts` stacked along their first dim, perhaps transposed after that.
struct ForeignTensor {
  std::string hf_name;    // "model.layers.0.self_attn.q_proj.weight"
  std::string gguf_name;  // "blk.0.attn_q.weight"
  std::vector<LogicalTensor> parts;
  bool hf_transposed = false;  // GPT-2's Conv1D weights are [in, out]; GGUF's are not
  // Heads whose rows rotary positions turn in pairs (i, i + D / 2) here and in Hugging Face's files; 0 for other
  // tensors.
  int64_t rotary_heads = 0;

  Shape stacked_shape() const;
  Shape hf_shape() const;
};

// Every tensor of a model of this shape, in the order in which a file should have them. `options` must be valid, with
// no size left open.
std::vector<ForeignTensor> foreign_tensors(const ModelOptions& options);

// "transformer.h.0.ln_1.weight" -> "h.0.ln_1.weight": what the file of a bare model, without its head, calls it.
std::string_view without_hf_prefix(Architecture architecture, std::string_view name);

// Buffers that older versions of transformers saved though they hold nothing learned: causal masks and rotary
// frequencies.
bool is_hf_buffer(Architecture architecture, std::string_view name);

}  // namespace kumiko
