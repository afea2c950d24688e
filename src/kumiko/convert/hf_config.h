// config.json of the Hugging Face family and our model options, both ways.
#pragma once

#include <string>

#include "kumiko/model/options.h"
#include "kumiko/tensor/dtype.h"

namespace kumiko {

// The model that the text of a config.json describes, with every size filled in: model_type gpt2, llama, mistral or
// qwen2, in the spelling of any version of transformers. One user error, introduced by `origin`, lists every setting
// that our layers do not have (another activation, other biases, other rotary scalings ...), with its value. A setting
// that is not known at all gives a warning.
ModelOptions model_of_hf_config(const std::string& text, const std::string& origin);

// Ids of the tokens that begin, end and pad texts, as JSON: a number, a list of them, or null.
struct HfTokenIds {
  std::string bos = "null";
  std::string eos = "null";
  std::string pad = "null";
};

// The inverse: llama, or mistral where attention has a window, or qwen2 where queries, keys and values have biases.
// Rotary settings are written as old and as new versions of transformers read them. `dtype` is that of the tensors.
std::string hf_config_of_model(const ModelOptions& model, DType dtype, const HfTokenIds& ids);

// "float32", "bfloat16" or "float16".
std::string_view hf_name(DType dtype);

}  // namespace kumiko
