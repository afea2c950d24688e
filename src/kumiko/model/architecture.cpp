#include "kumiko/model/architecture.h"

#include <cmath>

namespace kumiko {

// The projections onto the residual stream start smaller by 1/sqrt(2 L), there being 2 L of them (GPT-2, section 2.3).
static double output_std(const ModelOptions& options) {
  return options.init_method_std / std::sqrt(2.0 * static_cast<double>(options.num_layers));
}

EmbeddingOptions embedding_options(const ModelOptions& options) {
  EmbeddingOptions embedding;
  embedding.vocab_size = options.vocab_size;
  embedding.hidden = options.hidden_size;
  embedding.dropout = options.hidden_dropout;
  embedding.init_std = options.init_method_std;
  return embedding;
}

AttentionOptions attention_options(const ModelOptions& options) {
  AttentionOptions attention;
  attention.hidden = options.hidden_size;
  attention.num_heads = options.num_attention_heads;
  attention.num_kv_heads = options.num_kv_heads();
  attention.head_size = options.head_size();
  attention.probability_dropout = options.attention_dropout;
  attention.output_dropout = options.hidden_dropout;
  attention.init_std = options.init_method_std;
  attention.output_std = output_std(options);
  return attention;
}

MlpOptions mlp_options(const ModelOptions& options) {
  MlpOptions mlp;
  mlp.hidden = options.hidden_size;
  mlp.feed_forward = options.feed_forward_size();
  mlp.dropout = options.hidden_dropout;
  mlp.init_std = options.init_method_std;
  mlp.output_std = output_std(options);
  return mlp;
}

}  // namespace kumiko
