// The MLP at the end of a block's second residual branch. Legend: T tokens, H hidden, F feed-forward.
#pragma once

#include <memory>
#include <string>

#include "kumiko/model/linear.h"
#include "kumiko/model/pass.h"

namespace kumiko {

struct MlpOptions {
  int64_t hidden = 0;
  int64_t feed_forward = 0;
  double dropout = 0;  // of its output
  double init_std = 0;
  double output_std = 0;  // of the weight that writes to the residual stream
};

class Mlp {
 public:
  virtual ~Mlp() = default;
  virtual void prepare(Kernels& kernels) = 0;
  virtual void release() = 0;
  // y += dropout(mlp(x)), x and y [T, H].
  virtual void forward_onto(Pass& pass, const Tensor& x, const Tensor& y) const = 0;
  // dy to the gradient of x.
  virtual Tensor backward(Pass& pass, const Tensor& dy, LinearInput x) const = 0;
};

// down(gelu(up(x))), with biases: GPT-2's. `layer` counts blocks from 0.
std::unique_ptr<Mlp> make_gelu_mlp(ParameterRegistry& registry, const std::string& name, const MlpOptions& options,
                                   int layer);
// down(silu(gate(x)) * up(x)), without biases: Llama's (Shazeer 2020).
std::unique_ptr<Mlp> make_swiglu_mlp(ParameterRegistry& registry, const std::string& name, const MlpOptions& options,
                                     int layer);

}  // namespace kumiko
