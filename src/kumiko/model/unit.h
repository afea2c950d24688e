// A unit: the part of a model whose parameters are gathered, reduced and freed together, and the smallest thing that a
// pipeline stage can hold: the embedding, one block, the head.
#pragma once

#include "kumiko/model/pass.h"

namespace kumiko {

class Unit {
 public:
  virtual ~Unit() = default;

  // Lays out the weights for the products; call after they have changed.
  virtual void prepare(Kernels& kernels) = 0;
  // x [T, H] from the unit before (none for the first) to y [T, H] for the one after (none after the last, which adds
  // to pass.loss_sum). What the backward needs goes to the pass's stash. y counts as stash, for whoever comes next may
  // keep it.
  virtual Tensor forward(Pass& pass, const Tensor& x) = 0;
  // dy to dx; may reuse dy's memory. Gradients of the weights are added to, here or by the pass's weight work.
  virtual Tensor backward(Pass& pass, const Tensor& dy) = 0;
};

}  // namespace kumiko
