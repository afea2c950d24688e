// Normalisation of each token's features: layer norm (Ba et al. 2016) or RMS norm (Zhang and Sennrich 2019).
#pragma once

#include <string>

#include "kumiko/model/linear.h"
#include "kumiko/model/parameter.h"
#include "kumiko/model/pass.h"

namespace kumiko {

enum class NormKind : uint8_t { layer_norm, rms_norm };

struct NormOptions {
  NormKind kind = NormKind::layer_norm;
  int64_t hidden = 0;
  double epsilon = 1e-5;
};

class Norm {
 public:
  Norm(ParameterRegistry& registry, const std::string& name, const NormOptions& options);

  // What the backward needs of a forward. Its y need not be kept, as it is cheap to make again.
  struct Kept {
    Tensor x;
    Tensor mean;  // of layer norm
    Tensor rstd;
  };

  // y, as workspace, and what is to be kept of it (no statistics if the pass has no stash).
  Tensor forward(Pass& pass, const Tensor& x, Kept& kept) const;
  // y once more, with the bits of the forward. Outlives the pass, as waiting weight work may.
  LinearInput output_again(const Pass& pass, const Kept& kept) const;
  // y = norm(x), with no backward to follow.
  void apply(Pass& pass, const Tensor& x, const Tensor& y) const { run(pass.kernels, x, y, {}); }
  // dx = or += the gradient of x. The weight's gradient comes with it; while weight work waits, it is kept beside.
  void backward(Pass& pass, const Kept& kept, const Tensor& dy, const Tensor& dx, Write write) const;
  // The same where no weight work waits.
  void backward_at_once(Pass& pass, const Kept& kept, const Tensor& dy, const Tensor& dx, Write write) const;

  static void keep(Pass& pass, const Kept& kept);
  static Kept pop(Pass& pass);

 private:
  void run(Kernels& kernels, const Tensor& x, const Tensor& y, const Kept& statistics) const;

  Tensor zeros(Pass& pass) const;
  void backward_onto(Pass& pass, const Kept& kept, const Tensor& dy, const Tensor& dx, Write write,
                     const Tensor& dweight, const Tensor& dbias) const;
  void backward_rows(Kernels& kernels, const Kept& kept, const Tensor& dy, const Tensor& dx, Write write,
                     const Tensor& dweight, const Tensor& dbias) const;

  int64_t num_blocks_;  // canonical ones (canonical.h) of this rank's tokens; 0 where they are not asked for
  NormKind kind_;
  double epsilon_;
  Parameter* weight_;
  Parameter* bias_;  // null for RMS norm
};

}  // namespace kumiko
