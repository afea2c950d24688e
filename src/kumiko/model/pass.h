// What one forward or backward of one micro-batch runs with, and what it leaves behind.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/base/regions.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/kernels/kernels.h"
#include "kumiko/model/recompute.h"
#include "kumiko/model/token_chunks.h"
#include "kumiko/tensor/tensor.h"

namespace kumiko {

class VisitObserver;  // model/unit.h

// What one micro-batch's forward leaves for its backward: a stack. Layers push in the forward and pop in the backward,
// which visits them in the reverse order.
class Stash {
 public:
  void push(Tensor tensor) { tensors_.push_back(std::move(tensor)); }
  Tensor pop() {
    if (tensors_.empty()) throw_internal("a backward took more from the stash than the forward left");
    Tensor tensor = std::move(tensors_.back());
    tensors_.pop_back();
    return tensor;
  }
  bool empty() const { return tensors_.empty(); }

 private:
  std::vector<Tensor> tensors_;
};

// Weight gradients are work that can wait: a layer's backward hands its share to this queue. It is done at once, or
// kept until run() where a schedule says W.
class WeightWork {
 public:
  enum class When : uint8_t { at_once, later };
  explicit WeightWork(When when) : when_(when) {}

  bool at_once() const { return when_ == When::at_once; }
  // What is added from here on is the work of this unit.
  void begin_unit(int unit) {
    if (!at_once()) units_.push_back({unit, {}});
  }
  void add(std::function<void()> work) {
    if (at_once()) return work();
    units_.back().work.push_back(std::move(work));
  }
  // All that waits, unit by unit in the order of the backward; what it held is let go as it is done. `before` and
  // `after` are called around each unit.
  template <class Before, class After>
  void run(Before before, After after) {
    for (Unit& unit : units_) {
      before(unit.index);
      for (auto& work : unit.work) std::exchange(work, nullptr)();
      after(unit.index);
    }
    units_.clear();
  }
  void run() {
    run([](int) {}, [](int) {});
  }

 private:
  struct Unit {
    int index = 0;
    std::vector<std::function<void()>> work;
  };

  When when_;
  std::vector<Unit> units_;
};

// Keys and values of the positions seen so far. A layer makes room for its own on the first visit: so a rank has room
// for its heads of its layers, and for no others.
struct KeyValueCache {
  struct Layer {
    Tensor keys;    // [B, P, K D], K of this rank
    Tensor values;  // the same
  };

  int64_t capacity = 0;           // P: positions that a layer makes room for
  int64_t length = 0;             // of them, those filled
  std::map<int, Layer> layers{};  // by their number in the whole model
};

// The places in a model where dropout happens; each has a stream of masks of its own.
struct DropoutSite {
  static int64_t embedding() { return 0; }
  static int64_t attention(int layer) { return 1 + 3 * int64_t{layer}; }
  static int64_t attention_output(int layer) { return 2 + 3 * int64_t{layer}; }
  static int64_t mlp_output(int layer) { return 3 + 3 * int64_t{layer}; }
};

struct Pass {
  Kernels& kernels;
  MemoryPool& pool;
  RegionTimer* timer = nullptr;  // may be none
  DType dtype = DType::f32;

  int64_t batch = 0;     // B
  int64_t sequence = 0;  // S
  Tensor tokens{};       // [B, S] i32
  Tensor targets{};      // [B, S] i32; -1 counts for nothing
  Tensor first_keys{};   // [B, S] i32, or absent: the first token that each may attend to
  Tensor positions{};    // [B, S] i32, or absent: 0 .. S - 1, or what follows the cache

  // Dropout. A sample's place in the global batch gives its mask, whichever rank computes it.
  bool training = false;
  uint64_t seed = 0;
  int64_t step = 0;
  int64_t first_sample = 0;

  Communicator* tensor = nullptr;     // the tensor axis; none if this rank has the whole model
  VisitObserver* observer = nullptr;  // may be none
  TensorExchange exchange{};

  Stash* stash = nullptr;  // none: there will be no backward
  RecomputeOptions recompute{};
  WeightWork* weight_work = nullptr;
  KeyValueCache* cache = nullptr;  // generation: tokens follow those in the cache

  double loss_scale = 1;  // multiplies the loss of one token in the gradient: 1 / tokens of the global batch
  double loss_sum = 0;    // out: the sum of the tokens' losses

  int64_t num_tokens() const { return batch * sequence; }
  bool shards_tokens() const { return tensor != nullptr && exchange.sequence_parallel; }
  TokenChunks chunks() const;
  // Of the first token of each sequence.
  int64_t first_position() const { return cache == nullptr ? 0 : cache->length; }
  void keep(const Tensor& value) const {
    if (stash != nullptr) stash->push(value);
  }
  // Scratch, or what stays until the backward if there is to be one.
  MemoryPurpose kept() const { return stash != nullptr ? MemoryPurpose::stash : MemoryPurpose::workspace; }
  Tensor empty(const Shape& shape, MemoryPurpose purpose) const { return Tensor::empty(pool, shape, dtype, purpose); }
  Tensor empty(const Shape& shape) const { return empty(shape, kept()); }
  // For means, log-sum-exps and the like: f32, or f64 in a pass of f64.
  Tensor empty_statistic(const Shape& shape, MemoryPurpose purpose) const {
    return Tensor::empty(pool, shape, dtype == DType::f64 ? DType::f64 : DType::f32, purpose);
  }
  bool recomputes_attention() const { return recompute.granularity == RecomputeGranularity::selective; }
  // `dy` if it may be overwritten; a copy of it while waiting weight work still reads it.
  Tensor own(const Tensor& dy) const;
  // The mask of one dropout site over rows of `num_columns` elements. Nothing is dropped outside training.
  DropoutMask dropout_mask(int64_t site, double probability, int64_t num_columns) const;
};

}  // namespace kumiko
