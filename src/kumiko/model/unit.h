// A unit: the part of a model whose parameters are gathered, reduced and freed together, and the smallest thing that a
// pipeline stage can hold: the embedding, one block, the head.
#pragma once

#include "kumiko/model/pass.h"

namespace kumiko {

// backward: all gradients. Where weight gradients wait, input_gradient and later weight_gradient in its place.
enum class Direction : uint8_t { forward, backward, input_gradient, weight_gradient };

// A pass goes through a unit, which is counted among those of this rank.
struct UnitVisit {
  int unit = 0;
  Direction direction = Direction::forward;

  friend bool operator==(const UnitVisit&, const UnitVisit&) = default;
};

// Is told of every visit of a pass, around it: brings weights and takes gradients away.
class VisitObserver {
 public:
  virtual ~VisitObserver() = default;
  virtual void before(const UnitVisit& visit) = 0;
  virtual void after(const UnitVisit& visit) = 0;
};

class Unit {
 public:
  virtual ~Unit() = default;

  // Lays out the weights for the products; call after they have changed, or have come.
  virtual void prepare(Kernels& kernels) = 0;
  // Lets go of what prepare() made: the weights are about to leave.
  virtual void release() = 0;
  // x [T, H] from the unit before (none for the first) to y [T, H] for the one after (none after the last, which adds
  // to pass.loss_sum). What the backward needs goes to the pass's stash. y counts as stash, for whoever comes next may
  // keep it.
  virtual Tensor forward(Pass& pass, const Tensor& x) = 0;
  // dy to dx; may reuse dy's memory. Gradients of the weights are added to, here or by the pass's weight work.
  virtual Tensor backward(Pass& pass, const Tensor& dy) = 0;
};

}  // namespace kumiko
