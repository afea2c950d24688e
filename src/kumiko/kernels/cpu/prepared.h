// What every backend's prepared weight has: the weight itself.
#pragma once

#include "kumiko/base/error.h"
#include "kumiko/kernels/kernels.h"

namespace kumiko::cpu {

class CpuWeight : public PreparedWeight {
 public:
  Tensor plain;  // [N, K] f32
};

inline const Tensor& plain_weight(const PreparedWeight& weight) {
  const auto* known = dynamic_cast<const CpuWeight*>(&weight);
  if (known == nullptr) throw_internal("a weight prepared by other kernels was given to the cpu kernels");
  return known->plain;
}

}  // namespace kumiko::cpu
