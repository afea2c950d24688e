// Model FLOPs: what a training step must compute, whatever the program does to compute it. Pure functions.
// Letters: B sequences, S sequence length, H hidden, N heads, K heads of keys and values, D head size, F feed-forward,
// V vocabulary, L layers.
#pragma once

#include <cstdint>
#include <map>

#include "kumiko/base/regions.h"
#include "kumiko/model/options.h"
#include "kumiko/model/tensor_parallel.h"

namespace kumiko {

struct ModelShape {
  int64_t num_layers = 0;    // L
  int64_t hidden = 0;        // H
  int64_t num_heads = 0;     // N
  int64_t num_kv_heads = 0;  // K, N in GPT-2
  int64_t head_size = 0;     // D; N D is H in GPT-2, not in every model
  int64_t feed_forward = 0;  // F, 4 H in GPT-2
  int64_t mlp_matrices = 2;  // H x F; 3 with a gate
  int64_t seq_length = 0;    // S
  int64_t vocab_size = 0;    // V, with padding if it is computed
  double num_parameters = 0;

  static ModelShape of(const ModelOptions& model, int64_t seq_length);
};

// Forward and backward of one token: 6 parameters + 12 L N D S (PaLM, arXiv 2204.02311, appendix B). The second term
// is attention over the full square of positions, though half of it is masked; nothing recomputed is counted.
double flops_per_token(const ModelShape& shape);

// Model FLOPs utilisation, as a fraction: what is computed in a second over what the devices could. `peak` in FLOP/s
// of one device.
double model_flops_utilization(const ModelShape& shape, double tokens_per_second, int64_t num_devices, double peak);

// Megatron-LM (arXiv 2104.04473, equations 2 and 3), for F = 4 H and N D = H: parameters, and the matrix products of
// one iteration over B sequences. Counts the embedding's product with the hidden state once, and biases, norms and
// softmax not at all; with full recomputation the forward of the layers counts twice.
double megatron_parameters(const ModelShape& shape);
double megatron_flops_per_step(const ModelShape& shape, int64_t num_sequences, bool full_recompute);

// Days to train on `num_tokens`: 8 tokens parameters / (devices x FLOP/s of each), with full recomputation (ibid.,
// equation 4).
double megatron_training_days(double num_parameters, double num_tokens, int64_t num_devices, double flops_per_second);

// The matrix products of one step over B sequences by row of the breakdown, for its TFLOP/s column: those of the rank
// of the tensor axis that `part` names. Attention counts the full square, so a kernel that skips the masked half may
// seem to pass the peak.
std::map<RegionRow, double> flops_by_region(const ModelShape& shape, int64_t num_sequences,
                                            const TensorParallel& part = {});

}  // namespace kumiko
