// Scratch memory that grows to the largest need and is kept.
#pragma once

#include <memory>

#include "kumiko/tensor/tensor.h"

namespace kumiko::cpu {

class Workspace {
 public:
  explicit Workspace(std::shared_ptr<MemoryPool> pool) : pool_(std::move(pool)) {}

  // Uninitialised; valid until the next call.
  float* floats(int64_t count) {
    if (!memory_ || memory_.num_elements() < count) {
      memory_ = Tensor{};
      memory_ = Tensor::empty(*pool_, {count}, DType::f32, MemoryPurpose::workspace);
    }
    return memory_.data<float>();
  }

 private:
  std::shared_ptr<MemoryPool> pool_;
  Tensor memory_;
};

}  // namespace kumiko::cpu
