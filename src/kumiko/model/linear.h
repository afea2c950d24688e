// The linear layer, with explicit forward and backward. Legend: T = B S tokens, K inputs, N outputs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kumiko/model/canonical.h"
#include "kumiko/model/parameter.h"
#include "kumiko/model/pass.h"

namespace kumiko {

// What a weight's gradient multiplies, made when it is wanted: kept since the forward, or computed again.
using LinearInput = std::function<Tensor()>;
inline LinearInput kept_input(Tensor x) {
  return [x = std::move(x)] { return x; };
}

// How the weight is cut along the tensor axis. outputs: each rank makes some of y from the whole x ("column-parallel").
// inputs: each rank has some of x, and y is the sum over ranks ("row-parallel").
enum class LinearSplit : uint8_t { outputs, inputs };

// One of several linears of the same input that are computed as one, stacked: W = [W0; W1; ...].
struct LinearOutput {
  std::string name;
  int64_t size = 0;
  int64_t granule = 1;  // a cut between ranks lies at a multiple of it
};

// Sizes of the whole layer, whatever part of it a rank has.
struct LinearOptions {
  LinearSplit split = LinearSplit::outputs;
  std::vector<LinearOutput> outputs;
  int64_t num_inputs = 0;
  int64_t input_granule = 1;
  bool bias = true;
  double init_std = 0;
};

// y [T, N] = x [T, K] W^T + b. Weight [N, K], bias [N]; of a rank's part, its sizes. The caller sees to it that x is
// there again in the backward. In the reproducible mode dy has columns for each
// canonical block (canonical.h, OutputPlace). Under sequence parallelism what outputs are split of reads and dx, and
// what inputs are split of writes and dy, are shards [T/t, ...]; they are gathered and summed chunk by chunk
// (chunked.h).
class Linear {
 public:
  Linear(ParameterRegistry& registry, const LinearOptions& options);

  // Call after the weight has changed.
  void prepare(Kernels& kernels);
  // Lets go of what prepare() made.
  void release() { prepared_.reset(); }

  Tensor forward(Pass& pass, const Tensor& x) const;
  // Returns dx and hands the weight's gradient to the pass. Where outputs are split, dx is summed over the ranks behind
  // it and the weight's gradient.
  Tensor backward(Pass& pass, const Tensor& dy, LinearInput x) const;

  // The same at the end of a residual branch, inputs split: y += dropout(x W^T + b).
  void forward_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const;
  Tensor backward_from(Pass& pass, const DropoutMask& mask, const Tensor& dy, LinearInput x) const;

  // With GELU on the way, of which only the input need be kept: pre = x W^T + b, activated = gelu(pre).
  void forward_gelu(Pass& pass, const Tensor& x, const Tensor& pre, const Tensor& activated) const;
  // Of a linear whose x was gelu(pre), at the end of a residual branch: returns the gradient of pre.
  Tensor backward_from_gelu(Pass& pass, const DropoutMask& mask, const Tensor& dy, const Tensor& pre) const;

 private:
  // What this rank contributes to a sum over the ranks: rows of y where inputs are split, of dx where outputs are.
  void partial_forward(Pass& pass, const Tensor& x, const Tensor& y) const;
  void partial_backward_input(Pass& pass, const Tensor& dy, const Tensor& dx) const;
  void add_weight_work(Pass& pass, const Tensor& dy, LinearInput x) const;
  Tensor bias() const { return bias_ == nullptr || !adds_bias_ ? Tensor() : bias_->value; }
  Tensor bias_gradient() const { return bias_ == nullptr ? Tensor() : bias_->gradient; }

  // The terms of each canonical block, in the reproducible mode: of each output of the stack, or of the inputs.
  static std::vector<std::vector<ProductTerms>> blocks_of(const TensorParallel& tensor, const LinearOptions& options);
  static std::vector<OutputPlace> places_of(const TensorParallel& tensor, const LinearOptions& options);
  bool reproducible() const { return !blocks_.empty(); }
  // Whether dy has more columns than the weight has rows.
  bool has_copies() const { return num_columns_ != num_outputs_; }

  std::vector<std::vector<ProductTerms>> blocks_;
  std::vector<OutputPlace> places_;
  int64_t num_columns_ = 0;  // of dy
  bool adds_bias_;           // or another rank does
  int64_t num_inputs_;
  int64_t num_outputs_ = 0;
  Parameter* weight_;
  Parameter* bias_ = nullptr;  // or none
  std::unique_ptr<PreparedWeight> prepared_;
};

}  // namespace kumiko
