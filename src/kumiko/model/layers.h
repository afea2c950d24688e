// The layers that architectures are composed of: linear and layer norm, with explicit forward and backward.
// Legend: T = B S tokens, H hidden, K inputs, N outputs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kumiko/model/parameter.h"
#include "kumiko/model/pass.h"

namespace kumiko {

// y [T, N] = x [T, K] W^T + b. Weight [N, K], bias [N].
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
  Tensor backward(Pass& pass, const Tensor& dy) const;

  // The same at the end of a residual branch: y += dropout(x W^T + b).
  void forward_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const;
  Tensor backward_from(Pass& pass, const DropoutMask& mask, const Tensor& dy) const;

  // The two linears of an MLP with GELU between them, of which only its input is kept: activated = gelu(pre) is
  // computed again where the backward wants it. First pre = x W^T + b, then y += dropout(activated W^T + b).
  void forward_gelu(Pass& pass, const Tensor& x, const Tensor& pre, const Tensor& activated) const;
  void forward_onto_activated(Pass& pass, const Tensor& pre, const Tensor& activated, const DropoutMask& mask,
                              const Tensor& y) const;
  // Of the second: returns the gradient of pre.
  Tensor backward_from_activated(Pass& pass, const DropoutMask& mask, const Tensor& dy) const;

 private:
  void product_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const;

  int64_t num_inputs_;
  int64_t num_outputs_;
  Parameter* weight_;
  Parameter* bias_;
  std::unique_ptr<PreparedWeight> prepared_;
};

class LayerNorm {
 public:
  LayerNorm(ParameterRegistry& registry, const std::string& name, int64_t hidden, double epsilon);

  Tensor forward(Pass& pass, const Tensor& x) const;
  // y = norm(x), with no backward to follow.
  void apply(Pass& pass, const Tensor& x, const Tensor& y) const;
  // dx += the gradient of x.
  void backward_onto(Pass& pass, const Tensor& dy, const Tensor& dx) const;
  Tensor backward(Pass& pass, const Tensor& dy) const;

 private:
  void backward(Pass& pass, const Tensor& dy, const Tensor& dx, Write write) const;

  double epsilon_;
  Parameter* weight_;
  Parameter* bias_;
};

}  // namespace kumiko
