// The layers that architectures are composed of: linear and layer norm, with explicit forward and backward.
// Legend: T = B S tokens, H hidden, K inputs, N outputs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kumiko/model/parameter.h"
#include "kumiko/model/pass.h"

namespace kumiko {

// What a weight's gradient multiplies, made when it is wanted: kept since the forward, or computed again.
using LinearInput = std::function<Tensor()>;
inline LinearInput kept_input(Tensor x) {
  return [x = std::move(x)] { return x; };
}

// y [T, N] = x [T, K] W^T + b. Weight [N, K], bias [N]. The caller sees to it that x is there again in the backward.
class Linear {
 public:
  // With several names the weight is that of several linears of the same input, stacked: W = [W0; W1; ...], each with
  // `num_outputs / names.size()` rows.
  Linear(ParameterRegistry& registry, const std::vector<std::string>& names, int64_t num_inputs, int64_t num_outputs,
         double init_std);

  // Call after the weight has changed.
  void prepare(Kernels& kernels);

  Tensor forward(Pass& pass, const Tensor& x) const;
  // Returns dx and hands the weight's gradient to the pass.
  Tensor backward(Pass& pass, const Tensor& dy, LinearInput x) const;

  // The same at the end of a residual branch: y += dropout(x W^T + b).
  void forward_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const;
  Tensor backward_from(Pass& pass, const DropoutMask& mask, const Tensor& dy, LinearInput x) const;

  // With GELU on the way, of which only the input need be kept: pre = x W^T + b, activated = gelu(pre).
  void forward_gelu(Pass& pass, const Tensor& x, const Tensor& pre, const Tensor& activated) const;
  // Of a linear whose x was gelu(pre), at the end of a residual branch: returns the gradient of pre.
  Tensor backward_from_gelu(Pass& pass, const DropoutMask& mask, const Tensor& dy, const Tensor& pre) const;

 private:
  int64_t num_inputs_;
  int64_t num_outputs_;
  Parameter* weight_;
  Parameter* bias_;
  std::unique_ptr<PreparedWeight> prepared_;
};

class LayerNorm {
 public:
  LayerNorm(ParameterRegistry& registry, const std::string& name, int64_t hidden, double epsilon);

  // What the backward needs of a forward. Its y need not be kept, as it is cheap to make again.
  struct Kept {
    Tensor x;
    Tensor mean;
    Tensor rstd;
  };

  // y, as workspace, and what is to be kept of it (no statistics if the pass has no stash).
  Tensor forward(Pass& pass, const Tensor& x, Kept& kept) const;
  // y once more, with the bits of the forward. Outlives the pass, as waiting weight work may.
  LinearInput output_again(const Pass& pass, const Kept& kept) const;
  // y = norm(x), with no backward to follow.
  void apply(Pass& pass, const Tensor& x, const Tensor& y) const;
  // dx = or += the gradient of x.
  void backward(Pass& pass, const Kept& kept, const Tensor& dy, const Tensor& dx, Write write) const;

  static void keep(Pass& pass, const Kept& kept);
  static Kept pop(Pass& pass);

 private:
  double epsilon_;
  Parameter* weight_;
  Parameter* bias_;
};

}  // namespace kumiko
