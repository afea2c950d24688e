// Parameters: what a model learns. Each local tensor holds one or more parts, and each part is a box of a logical
// tensor with a name and a global shape. Optimizers see local tensors; initialisation and checkpoints see parts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kumiko/mesh/box.h"
#include "kumiko/model/tensor_parallel.h"
#include "kumiko/tensor/tensor.h"

namespace kumiko {

struct Initializer {
  enum class Kind : uint8_t { zeros, ones, normal };
  Kind kind = Kind::zeros;
  double std = 0;

  static Initializer zeros() { return {Kind::zeros, 0}; }
  static Initializer ones() { return {Kind::ones, 0}; }
  static Initializer normal(double std) { return {Kind::normal, std}; }
};

// Rows [first_row, first_row + box.size[0]) of the local tensor are `box` of the logical tensor `name`.
struct ParameterPart {
  std::string name;
  Shape global_shape;
  Box box;
  int64_t holders = 1;    // ranks of the tensor axis that hold this box
  bool summed = false;    // each holder's backward gives a part of the gradient, which is their sum
  int64_t first_row = 0;  // filled in by the registry
};

struct Parameter {
  std::vector<ParameterPart> parts;
  Shape shape;  // of the local tensor
  Initializer initializer;
  bool decay = false;  // weight decay applies (matrices)
  int unit = 0;        // parameters of a unit are adjacent in memory and reduced together
  // Or another one, here or on another rank of the pipeline, holds the same, and is the one that is counted and saved.
  bool primary = true;
  Tensor value;
  Tensor gradient;
};

struct PlacedParameter {
  Parameter* parameter = nullptr;
  size_t index = 0;   // in ParameterRegistry::all()
  int64_t begin = 0;  // of its elements, among the unit's
};

class ParameterRegistry {
 public:
  explicit ParameterRegistry(TensorParallel tensor_parallel = {}) : tensor_parallel_(tensor_parallel) {}
  const TensorParallel& tensor_parallel() const { return tensor_parallel_; }

  // A whole logical tensor, on every rank.
  Parameter& add(const std::string& name, const Shape& shape, Initializer initializer, bool decay);
  // Boxes stacked along the first dim into one local tensor, so that one product serves them all. They agree in the
  // other sizes.
  Parameter& add_stacked(std::vector<ParameterPart> parts, Initializer initializer, bool decay);
  // Parameters added from here on belong to the next unit.
  void next_unit() { ++unit_; }

  const std::vector<std::unique_ptr<Parameter>>& all() const { return parameters_; }
  int num_units() const { return unit_ + 1; }
  int64_t num_elements() const;  // of the local tensors
  // As they lie in memory, each from a cache line on.
  int64_t num_elements_padded() const;

  // The parameters of a unit as they lie in memory: in the order of registration, each from a cache line on.
  std::vector<PlacedParameter> unit_layout(int unit) const;
  int64_t unit_elements(int unit) const;
  // Gives the parameters of a unit their values, or gradients, in `flat`: one dim of unit_elements(unit) or more. No
  // tensor: takes them away.
  void place_values(int unit, const Tensor& flat) const;
  void place_gradients(int unit, const Tensor& flat) const;

  // Gives every parameter its memory in one block, in the order of registration; uninitialised, but for what lies
  // between parameters, which is zero.
  void allocate_values(MemoryPool& pool, DType dtype);
  void allocate_gradients(MemoryPool& pool, DType dtype);
  const Tensor& gradients() const { return gradients_; }

  // Draws every value from `seed`, its logical name and its global index: the same in every layout.
  void initialize(uint64_t seed) const;
  void initialize_unit(int unit, uint64_t seed) const;

 private:
  TensorParallel tensor_parallel_;
  std::vector<std::unique_ptr<Parameter>> parameters_;  // addresses are stable
  int unit_ = 0;
  Tensor gradients_;
};

}  // namespace kumiko
