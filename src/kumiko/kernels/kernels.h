// The contract of every kernel. `reference/` states each one naively, in float and double; `cpu/` is the fast one;
// `cuda/` will be a third. A kernel knows tensors and numbers: no model, no communication.
//
// Legend: T tokens (rows), K inputs, N outputs, H hidden, B batch, S sequence, A attention heads, D head size,
// V vocabulary, P positions. Activations and their gradients (x, y, q, k, v, out, logits, dx, dy, ...) of one call have
// one floating type: f32, bf16 or f16. Parameters (weight, bias, gamma, beta, tables), their gradients and statistics
// (mean, rstd, max, sum, log_sum_exp) are f32 beside them. The reference also knows f64, which is then the type of all.
// Tokens and targets are i32. "+=" marks outputs that are added to. Sums are taken in float (or double), in an order
// that depends only on the shapes: never on timing, nor on the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kumiko/base/exact_sum.h"
#include "kumiko/base/random.h"
#include "kumiko/tensor/tensor.h"

namespace kumiko {

// Whether an output is overwritten or added to.
enum class Write : uint8_t { overwrite, accumulate };

// Some of the terms that a product of a linear layer sums: inputs in the forward, outputs in the backward. The weight's
// are [first_term, first_term + count), those of x or dy the columns from first_column on. At least one.
struct ProductTerms {
  int64_t first_column = 0;
  int64_t first_term = 0;
  int64_t count = 0;
};

// A weight [N, K] in the layouts that the products want. Stale after the weight changes, until it is prepared again.
class PreparedWeight {
 public:
  virtual ~PreparedWeight() = default;
};

// Elements (b, s, a, d) of a tensor at b * batch_stride + s * row_stride + a * D + d from `offset` (all in elements):
// the q, k or v columns of a fused projection, or a key-value cache.
struct HeadsView {
  Tensor tensor;
  int64_t offset = 0;
  int64_t batch_stride = 0;
  int64_t row_stride = 0;
};

// Drops elements with probability p and scales the others by 1 / (1 - p). Whether an element is dropped depends only on
// its global index and the key, so every layout draws the same mask: element (row, column) of the local tensor has the
// global index (first_row + row) * num_columns + first_column + column. It is dropped if the 32-bit word (index % 4) of
// philox({low, high word of index / 4, 0, 0}, key) is less than p * 2^32. 0 <= p < 1.
struct DropoutMask {
  double probability = 0;
  PhiloxKey key{};
  int64_t first_row = 0;
  int64_t first_column = 0;
  int64_t num_columns = 0;  // of the global tensor
};

struct AttentionShape {
  int64_t batch = 0;         // B
  int64_t num_queries = 0;   // Sq rows of q a sequence
  int64_t num_keys = 0;      // Sk rows of k and v a sequence, Sk >= Sq; the last query sees the last key
  int64_t num_heads = 0;     // A query heads
  int64_t num_kv_heads = 0;  // divides num_heads; query head a reads kv head a / (num_heads / num_kv_heads)
  int64_t head_size = 0;     // D
  bool causal = true;        // query i sees keys 0 .. i + Sk - Sq
  double scale = 1;          // multiplies q.k
  // [B, Sq] i32, or absent: query i of sequence b sees no key before first_keys[b][i], which is 0 or more, does not
  // fall with i, and is at most i + Sk - Sq. The start of the query's document, or of a window: blocks of keys that no
  // query of a block sees cost nothing.
  Tensor first_keys;
  // Dropout of the probabilities: global row ((first_batch + b) * num_heads_global + first_head + a) * Sq + i, column
  // = key, num_columns = Sk. mask.first_row and first_column are not used.
  DropoutMask mask;
  int64_t first_batch = 0;
  int64_t first_head = 0;
  int64_t num_heads_global = 0;
};

// The position of each of T = B S tokens: first_position + t % S, or positions[t], [T] i32 with values of 0 or more and
// less than the table's rows.
struct TokenPlaces {
  int64_t sequence = 0;  // S
  int64_t first_position = 0;
  Tensor positions{};  // or absent

  int64_t position(int64_t token) const {
    return positions ? positions.data<int32_t>()[token] : first_position + token % sequence;
  }
};

struct RotaryShape {
  int64_t batch = 0;      // B
  int64_t num_rows = 0;   // S rows a sequence
  int64_t num_heads = 0;  // A heads, side by side in a row
  int64_t head_size = 0;  // D
  int64_t first_position = 0;
};

struct AdamWConstants {
  double lr = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  int64_t step = 1;           // counted from 1, for the bias correction
  double gradient_scale = 1;  // multiplies the gradient first (clipping, loss scale)
};

class Kernels {
 public:
  virtual ~Kernels() = default;

  // "cpu (AVX-512, oneDNN 2.6.3, 2 threads)"
  virtual std::string description() const = 0;
  virtual int num_threads() const = 0;

  // --- linear layers -------------------------------------------------------------------------------------------------
  // Lays out `weight` [N, K] for the products below, now or when the first of them runs; keeps a handle on `weight`.
  // `previous` (or null) is reused if it fits.
  virtual std::unique_ptr<PreparedWeight> prepare_weight(const Tensor& weight,
                                                         std::unique_ptr<PreparedWeight> previous) = 0;
  // y [T, N] = or += x [T, K] weight^T + bias [N]; an absent bias is zero.
  virtual void linear_forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& y,
                              Write write) = 0;
  // dx [T, K] = or += dy [T, N] weight
  virtual void linear_backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& dx, Write write) = 0;
  // The same of these terms only, in an order that depends on their number alone; each sum is complete, and rounded,
  // before it is added to what is there. x (or dy) may have any columns that `terms` do not name. The pieces that the
  // reproducible mode is made of (model/canonical.h). User error if the backend cannot.
  virtual void linear_forward_terms(const Tensor& x, const PreparedWeight& weight, const ProductTerms& terms,
                                    const Tensor& bias, const Tensor& y, Write write) = 0;
  virtual void linear_backward_input_terms(const Tensor& dy, const PreparedWeight& weight, const ProductTerms& terms,
                                           const Tensor& dx, Write write) = 0;
  // dweight [N, K] += dy^T x and, if present, dbias [N] += column sums of dy
  virtual void linear_backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight,
                                      const Tensor& dbias) = 0;
  // The same with GELU after the first product or before it: pre [T, N] = x weight^T + bias, y = gelu(pre).
  virtual void linear_gelu_forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& pre,
                                   const Tensor& y) = 0;
  // dpre [T, K] = (dy [T, N] weight) gelu'(pre [T, K])
  virtual void linear_gelu_backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& pre,
                                          const Tensor& dpre) = 0;
  // dweight [N, K] += dy^T gelu(pre [T, K]); dbias as above. The activation is not kept, but computed again.
  virtual void linear_gelu_backward_weight(const Tensor& pre, const Tensor& dy, const Tensor& dweight,
                                           const Tensor& dbias) = 0;

  // --- attention -----------------------------------------------------------------------------------------------------
  // out = softmax(scale q k^T, causal) v without the Sq x Sk matrix; log_sum_exp [B, A, Sq] is kept for the backward,
  // or absent. FlashAttention-2 (Dao 2023), algorithm 1.
  virtual void attention_forward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k,
                                 const HeadsView& v, const HeadsView& out, const Tensor& log_sum_exp) = 0;
  // dq, dk, dv are overwritten. Algorithm 2 of the same paper. Sq = Sk.
  virtual void attention_backward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k,
                                  const HeadsView& v, const HeadsView& out, const Tensor& log_sum_exp,
                                  const HeadsView& dout, const HeadsView& dq, const HeadsView& dk,
                                  const HeadsView& dv) = 0;

  // --- normalisation and activation ----------------------------------------------------------------------------------
  // y [T, H] = (x - mean) * rstd * gamma + beta; mean, rstd [T] are kept for the backward, or absent.
  virtual void layer_norm_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps, const Tensor& y,
                                  const Tensor& mean, const Tensor& rstd) = 0;
  // dx = or += ..., dgamma [H] +=, dbeta [H] +=
  virtual void layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& mean,
                                   const Tensor& rstd, const Tensor& dx, Write write, const Tensor& dgamma,
                                   const Tensor& dbeta) = 0;
  // y [T, H] = x * rstd * gamma, rstd [T] = 1 / sqrt(mean of x^2 + eps), kept for the backward, or absent. Zhang and
  // Sennrich 2019.
  virtual void rms_norm_forward(const Tensor& x, const Tensor& gamma, double eps, const Tensor& y,
                                const Tensor& rstd) = 0;
  // dx = or += ..., dgamma [H] +=
  virtual void rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& rstd,
                                 const Tensor& dx, Write write, const Tensor& dgamma) = 0;
  // y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): GPT-2's "gelu_new". y may be x.
  virtual void gelu_forward(const Tensor& x, const Tensor& y) = 0;
  // dx = dy gelu'(x). dx may be dy.
  virtual void gelu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) = 0;
  // y [T, F] = silu(gate) up, silu(g) = g / (1 + exp(-g)), where x [T, 2F] is gate [T, F] beside up [T, F]. Shazeer
  // 2020.
  virtual void swiglu_forward(const Tensor& x, const Tensor& y) = 0;
  // dx [T, 2F] from dy [T, F]. dx may be x.
  virtual void swiglu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) = 0;

  // --- position ------------------------------------------------------------------------------------------------------
  // Rotary position embedding (Su et al. 2021, equation 34, with the halves of a head as the pairs), in place: elements
  // d and d + D/2 of each head of row s are turned by the angle of cosine and sine [P, D/2] at position first_position
  // + s, and back if `inverse`, which is the backward. D is even.
  virtual void rotate(const RotaryShape& shape, const HeadsView& x, const Tensor& cosine, const Tensor& sine,
                      bool inverse) = 0;

  // --- embedding and loss --------------------------------------------------------------------------------------------
  // y [T, H] = token_table[token] + position_table[position], T = B S rows; position is that of `places`. The table
  // holds rows first_token .. of the vocabulary; a token outside it contributes zero. position_table [P, H] may be
  // absent.
  virtual void embedding_forward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token,
                                 const Tensor& token_table, const Tensor& position_table, const Tensor& y) = 0;
  // dtoken_table +=, dposition_table += (or absent)
  virtual void embedding_backward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token,
                                  const Tensor& dy, const Tensor& dtoken_table, const Tensor& dposition_table) = 0;
  // For each row of logits [T, V] (columns first_token .. of the vocabulary; columns from num_valid on are padding and
  // ignored): max [T], sum [T] = sum exp(logit - max), target_logit [T] (0 if the target is outside these columns).
  // Parts of a vocabulary-parallel loss: combine max, sum and target_logit over ranks, loss = log(sum) + max - target.
  virtual void cross_entropy_statistics(const Tensor& logits, const Tensor& targets, int64_t first_token,
                                        int64_t num_valid, const Tensor& max, const Tensor& sum,
                                        const Tensor& target_logit) = 0;
  // In place: logits := scale (exp(logit - max) / sum - [column is the target]); rows with target -1 and padding
  // columns become zero.
  virtual void cross_entropy_gradient(const Tensor& logits, const Tensor& targets, int64_t first_token,
                                      int64_t num_valid, const Tensor& max, const Tensor& sum, double scale) = 0;

  // --- element by element --------------------------------------------------------------------------------------------
  // y = or += dropout(x), seen as rows of the last dim; y may be x. The backward is the same call on the gradient.
  virtual void dropout(const DropoutMask& mask, const Tensor& x, const Tensor& y, Write write) = 0;
  // y += x
  virtual void add(const Tensor& x, const Tensor& y) = 0;
  // x *= factor
  virtual void scale(const Tensor& x, double factor) = 0;
  // Summed in double, in fixed blocks; NaN or Inf if any element is.
  virtual double sum_of_squares(const Tensor& x) = 0;
  // Adds the squares of f32 exactly, or of f64 as they are rounded: the same sum however x is cut and spread.
  virtual void add_squares(const Tensor& x, ExactSum& sum) = 0;

  // --- optimizers ----------------------------------------------------------------------------------------------------
  // Decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), as torch.optim.AdamW: w -= lr wd w, then
  // w -= lr mhat / (sqrt(vhat) + eps). weight, first and second moment are f32 (f64 in the reference).
  virtual void adamw(const AdamWConstants& constants, const Tensor& weight, const Tensor& gradient,
                     const Tensor& first_moment, const Tensor& second_moment) = 0;
  // velocity = momentum velocity + gradient_scale gradient + weight_decay weight; weight -= lr velocity. As
  // torch.optim.SGD. velocity is absent if momentum is 0.
  virtual void sgd(double lr, double momentum, double weight_decay, double gradient_scale, const Tensor& weight,
                   const Tensor& gradient, const Tensor& velocity) = 0;
};

// f32 and f64; slow and plain: what the others are judged by.
std::unique_ptr<Kernels> make_reference_kernels();

// What the cpu kernels' vector code runs with on this machine, as "AVX-512": the order of some sums depends on it.
std::string instruction_set();

// Whose products the linear layers take. Automatic: our own. That a CPU has instructions which only a library uses is
// no reason to choose it: on some of them (Sapphire Rapids in a virtual machine without AMX) bf16 is slower than f32.
enum class LinearBackend : uint8_t { automatic, native, onednn, cblas };

// As the option train.linear_backend spells it.
const std::string& name_of(LinearBackend backend);
// All of them, in the order of the enumeration.
const std::vector<std::string>& linear_backend_names();

// `num_threads` OpenMP threads; activations of `type`: f32, bf16 or f16. Workspace comes from `pool`. User error if the
// backend is not there or does not know the type.
std::unique_ptr<Kernels> make_cpu_kernels(std::shared_ptr<MemoryPool> pool, int num_threads, DType type = DType::f32,
                                          LinearBackend linear = LinearBackend::automatic);

}  // namespace kumiko
