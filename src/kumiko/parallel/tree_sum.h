// A sum of tensors that come one after another, taken as a balanced binary tree (comm/reduction.h): neighbours first.
// Holds a partial sum for each bit of the count, log2 of it at most, as a binary counter does.
#pragma once

#include <utility>
#include <vector>

#include "kumiko/kernels/kernels.h"

namespace kumiko {

class TreeSum {
 public:
  // Takes the tensor over.
  void add(Kernels& kernels, Tensor next) {
    for (size_t level = 0;; ++level) {
      if (level == partial_.size()) partial_.emplace_back();
      if (!partial_[level]) {
        partial_[level] = std::move(next);
        return;
      }
      kernels.add(next, partial_[level]);
      next = std::exchange(partial_[level], {});
    }
  }

  // The whole; nothing stays. A partial sum without a neighbour goes up unchanged.
  Tensor finish(Kernels& kernels) {
    Tensor sum;
    for (Tensor& partial : partial_) {
      if (!partial) continue;
      if (sum) kernels.add(sum, partial);
      sum = std::exchange(partial, {});
    }
    partial_.clear();
    return sum;
  }

 private:
  std::vector<Tensor> partial_;  // by level; a level's sum comes before those of lower ones
};

}  // namespace kumiko
