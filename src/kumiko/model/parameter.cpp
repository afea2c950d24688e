#include "kumiko/model/parameter.h"

#include <algorithm>
#include <array>

#include "kumiko/base/random_normals.h"

namespace kumiko {
namespace {

// FNV-1a: gives each logical name its own stream of random numbers.
uint64_t hash_of(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// Fills `out` with elements [begin, begin + count) of the stream, times `std`.
template <class T>
void fill_normal(PhiloxKey key, double std, int64_t begin, int64_t count, T* out) {
  constexpr int64_t chunk = 4096;
  const auto factor = static_cast<T>(std);
#pragma omp parallel for schedule(static) if (count > chunk)
  for (int64_t i = 0; i < count; i += chunk) {
    std::array<float, chunk> normals;
    const auto length = static_cast<size_t>(std::min(chunk, count - i));
    random_normals(key, static_cast<uint64_t>(begin + i), {normals.data(), length});
    std::transform(normals.begin(), normals.begin() + length, out + i,
                   [factor](float normal) { return factor * static_cast<T>(normal); });
  }
}

// Calls visit(global index, local index, length) for each contiguous run of a part's box.
template <class Visit>
void for_each_run(const ParameterPart& part, Visit visit) {
  const int last = part.box.size.rank() - 1;
  const int64_t run = part.box.size[last];
  const int64_t num_runs = run == 0 ? 0 : part.box.num_elements() / run;
  for (int64_t row = 0; row < num_runs; ++row) {
    int64_t global = 0;
    int64_t rest = row;
    int64_t stride = part.global_shape[last];
    for (int dim = last - 1; dim >= 0; --dim) {
      global += (part.box.offset[dim] + rest % part.box.size[dim]) * stride;
      rest /= part.box.size[dim];
      stride *= part.global_shape[dim];
    }
    visit(global + part.box.offset[last], row * run, run);
  }
}

template <class T>
void initialize_parameter(const Parameter& parameter, uint64_t seed) {
  T* values = parameter.value.data<T>();
  if (parameter.initializer.kind != Initializer::Kind::normal) {
    std::fill_n(values, parameter.value.num_elements(),
                parameter.initializer.kind == Initializer::Kind::ones ? T{1} : T{0});
    return;
  }
  const int64_t row = parameter.shape[0] == 0 ? 0 : parameter.shape.num_elements() / parameter.shape[0];
  for (const ParameterPart& part : parameter.parts) {
    const PhiloxKey key = random_key(seed, RandomStream::initialization, hash_of(part.name));
    T* out = values + part.first_row * row;
    if (part.box == Box::whole(part.global_shape)) {
      fill_normal(key, parameter.initializer.std, 0, part.box.num_elements(), out);
    } else {
      for_each_run(part, [&](int64_t global, int64_t local, int64_t count) {
        fill_normal(key, parameter.initializer.std, global, count, out + local);
      });
    }
  }
}

}  // namespace

Parameter& ParameterRegistry::add(const std::string& name, const Shape& shape, Initializer initializer, bool decay) {
  return add_stacked({{name, shape, Box::whole(shape), tensor_parallel_.size}}, initializer, decay);
}

Parameter& ParameterRegistry::add_stacked(std::vector<ParameterPart> parts, Initializer initializer, bool decay) {
  auto parameter = std::make_unique<Parameter>();
  parameter->initializer = initializer;
  parameter->decay = decay;
  parameter->unit = unit_;
  parameter->shape = parts.front().box.size;
  int64_t num_rows = 0;
  for (ParameterPart& part : parts) {
    part.first_row = num_rows;
    num_rows += part.box.size[0];
  }
  parameter->shape[0] = num_rows;
  parameter->parts = std::move(parts);
  parameters_.push_back(std::move(parameter));
  return *parameters_.back();
}

int64_t ParameterRegistry::num_elements() const {
  int64_t count = 0;
  for (const auto& parameter : parameters_) count += parameter->shape.num_elements();
  return count;
}

int64_t ParameterRegistry::num_elements_padded() const {
  int64_t count = 0;
  for (const auto& parameter : parameters_) count += padded_elements(parameter->shape.num_elements());
  return count;
}

std::vector<Parameter*> ParameterRegistry::unit_parameters(int unit) const {
  std::vector<Parameter*> parameters;
  for (const auto& parameter : parameters_) {
    if (parameter->unit == unit) parameters.push_back(parameter.get());
  }
  return parameters;
}

int64_t ParameterRegistry::unit_elements(int unit) const {
  int64_t count = 0;
  for (const Parameter* parameter : unit_parameters(unit)) count += padded_elements(parameter->shape.num_elements());
  return count;
}

static void place(const std::vector<Parameter*>& parameters, const Tensor& flat, Tensor Parameter::*member) {
  int64_t begin = 0;
  for (Parameter* parameter : parameters) {
    const int64_t count = parameter->shape.num_elements();
    parameter->*member = flat ? flat.slice(begin, count).reshaped(parameter->shape) : Tensor();
    begin += padded_elements(count);
  }
}

void ParameterRegistry::place_values(int unit, const Tensor& flat) const {
  place(unit_parameters(unit), flat, &Parameter::value);
}

void ParameterRegistry::place_gradients(int unit, const Tensor& flat) const {
  place(unit_parameters(unit), flat, &Parameter::gradient);
}

// Gives every parameter its tensor of one block, and returns the block.
static Tensor allocate(const std::vector<std::unique_ptr<Parameter>>& parameters, MemoryPool& pool, DType dtype,
                       MemoryPurpose purpose, Tensor Parameter::*member) {
  std::vector<Shape> shapes;
  for (const auto& parameter : parameters) shapes.push_back(parameter->shape);
  const FlatTensors made = allocate_flat(pool, shapes, dtype, purpose);
  for (size_t i = 0; i < parameters.size(); ++i) (*parameters[i]).*member = made.tensors[i];
  return made.flat;
}

void ParameterRegistry::allocate_values(MemoryPool& pool, DType dtype) {
  allocate(parameters_, pool, dtype, MemoryPurpose::parameters, &Parameter::value);
}

void ParameterRegistry::allocate_gradients(MemoryPool& pool, DType dtype) {
  gradients_ = allocate(parameters_, pool, dtype, MemoryPurpose::gradients, &Parameter::gradient);
}

void ParameterRegistry::initialize(uint64_t seed) const {
  for (int unit = 0; unit < num_units(); ++unit) initialize_unit(unit, seed);
}

void ParameterRegistry::initialize_unit(int unit, uint64_t seed) const {
  for (const Parameter* parameter : unit_parameters(unit)) {
    if (parameter->value.dtype() == DType::f64) {
      initialize_parameter<double>(*parameter, seed);
    } else {
      initialize_parameter<float>(*parameter, seed);
    }
  }
}

}  // namespace kumiko
