#include "kumiko/kernels/cpu/linear.h"

#include <fmt/core.h>
#include <omp.h>

#include <dnnl.hpp>
#include <map>
#include <unordered_map>
#include <vector>

#include "kumiko/base/error.h"

namespace kumiko::cpu {
namespace {

using dnnl::matmul;
using dnnl::memory;

// One weight: the rows as the model stores them, and a copy for each layout that a product has asked for so far. Copies
// are made at first use, so that what is never run (generation has no backward) costs nothing.
class LaidOutWeight : public PreparedWeight {
 public:
  struct Layout {
    memory::desc desc;
    Tensor storage;
    bool fresh = false;
  };

  Tensor plain;
  mutable std::vector<Layout> layouts;
};

const LaidOutWeight& laid_out(const PreparedWeight& weight) {
  const auto* known = dynamic_cast<const LaidOutWeight*>(&weight);
  if (known == nullptr) throw_internal("a weight prepared by other kernels was given to the cpu kernels");
  return *known;
}

enum class Product : uint8_t { forward, backward_input, backward_weight };

struct ProductKey {
  Product product;
  int64_t rows, outputs, inputs;
  bool bias, accumulate;
  auto operator<=>(const ProductKey&) const = default;
};

struct Primitive {
  matmul::primitive_desc description;
  matmul primitive;
};

// Generation asks for ever new numbers of rows; primitives are cheap to make again.
constexpr size_t max_primitives = 512;

}  // namespace

struct Linear::State {
  std::shared_ptr<MemoryPool> pool;
  int num_threads;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::map<ProductKey, Primitive> primitives;
  Tensor scratchpad;

  Primitive& primitive(const ProductKey& key);
  void* scratchpad_of(size_t bytes);
  memory weight_in(const LaidOutWeight& weight, const memory::desc& plain, const memory::desc& wanted);
  void run(const Primitive& made, const memory& left, const memory& right, void* bias, void* result);
};

Primitive& Linear::State::primitive(const ProductKey& key) {
  if (const auto found = primitives.find(key); found != primitives.end()) return found->second;
  if (primitives.size() >= max_primitives) primitives.clear();
  using tag = memory::format_tag;
  const auto matrix = [](int64_t rows, int64_t columns, tag layout) {
    return memory::desc({rows, columns}, memory::data_type::f32, layout);
  };
  memory::desc left, right, result;
  if (key.product == Product::forward) {
    left = matrix(key.rows, key.inputs, tag::ab);
    right = matrix(key.inputs, key.outputs, tag::any);
    result = matrix(key.rows, key.outputs, tag::ab);
  } else if (key.product == Product::backward_input) {
    left = matrix(key.rows, key.outputs, tag::ab);
    right = matrix(key.outputs, key.inputs, tag::any);
    result = matrix(key.rows, key.inputs, tag::ab);
  } else {
    left = matrix(key.outputs, key.rows, tag::ba);
    right = matrix(key.rows, key.inputs, tag::ab);
    result = matrix(key.outputs, key.inputs, tag::ab);
  }
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (key.accumulate) {
    dnnl::post_ops post_ops;
    post_ops.append_sum(1.0F);
    attributes.set_post_ops(post_ops);
  }
  const auto descriptor =
      key.bias ? matmul::desc(left, right, matrix(1, key.outputs, tag::ab), result) : matmul::desc(left, right, result);
  const matmul::primitive_desc description(descriptor, attributes, engine);
  return primitives.emplace(key, Primitive{description, matmul(description)}).first->second;
}

void* Linear::State::scratchpad_of(size_t bytes) {
  if (!scratchpad || scratchpad.num_bytes() < bytes) {
    scratchpad = Tensor{};
    scratchpad = Tensor::empty(*pool, {static_cast<int64_t>(bytes)}, DType::u8, MemoryPurpose::workspace);
  }
  return scratchpad.raw();
}

// The weight in the layout `wanted`, laid out now if it is not there yet or stale.
memory Linear::State::weight_in(const LaidOutWeight& weight, const memory::desc& plain, const memory::desc& wanted) {
  if (wanted == plain) return {plain, engine, weight.plain.raw()};
  LaidOutWeight::Layout* layout = nullptr;
  for (auto& known : weight.layouts) {
    if (known.desc == wanted) layout = &known;
  }
  if (layout == nullptr) {
    const auto bytes = static_cast<int64_t>(wanted.get_size());
    weight.layouts.push_back({wanted, Tensor::empty(*pool, {bytes}, DType::u8, MemoryPurpose::workspace), false});
    layout = &weight.layouts.back();
  }
  memory packed(wanted, engine, layout->storage.raw());
  if (!layout->fresh) {
    memory source(plain, engine, weight.plain.raw());
    dnnl::reorder(source, packed).execute(stream, source, packed);
    stream.wait();
    layout->fresh = true;
  }
  return packed;
}

void Linear::State::run(const Primitive& made, const memory& left, const memory& right, void* bias, void* result) {
  const auto& description = made.description;
  std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, left},
      {DNNL_ARG_WEIGHTS, right},
      {DNNL_ARG_DST, memory(description.dst_desc(), engine, result)},
      {DNNL_ARG_SCRATCHPAD,
       memory(description.scratchpad_desc(), engine, scratchpad_of(description.scratchpad_desc().get_size()))}};
  if (bias != nullptr) arguments.insert({DNNL_ARG_BIAS, memory(description.bias_desc(), engine, bias)});
  made.primitive.execute(stream, arguments);
  stream.wait();
}

Linear::Linear(std::shared_ptr<MemoryPool> pool, int num_threads) : state_(std::make_unique<State>()) {
  state_->pool = std::move(pool);
  state_->num_threads = num_threads;
}

Linear::~Linear() = default;

std::unique_ptr<PreparedWeight> Linear::prepare(const Tensor& weight, std::unique_ptr<PreparedWeight> previous) {
  if (weight.shape().rank() != 2 || weight.dtype() != DType::f32) {
    throw_internal("prepare_weight: weight is {} {}, expected f32 [N, K]", name_of(weight.dtype()),
                   weight.shape().to_string());
  }
  auto* reused = dynamic_cast<LaidOutWeight*>(previous.get());
  if (reused == nullptr || reused->plain.shape() != weight.shape()) {
    previous = std::make_unique<LaidOutWeight>();
    reused = static_cast<LaidOutWeight*>(previous.get());
  }
  reused->plain = weight;
  for (auto& layout : reused->layouts) layout.fresh = false;
  return previous;
}

void Linear::forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& y, Write write) {
  const LaidOutWeight& known = laid_out(weight);
  const int64_t outputs = known.plain.shape()[0];
  const int64_t inputs = known.plain.shape()[1];
  const int64_t rows = x.shape().num_rows();
  if (rows == 0) return;
  omp_set_num_threads(state_->num_threads);
  const Primitive& made =
      state_->primitive({Product::forward, rows, outputs, inputs, static_cast<bool>(bias), write == Write::accumulate});
  // W^T [K, N] is the rows of W read by columns.
  const memory::desc plain({inputs, outputs}, memory::data_type::f32, memory::format_tag::ba);
  const memory right = state_->weight_in(known, plain, made.description.weights_desc());
  state_->run(made, memory(made.description.src_desc(), state_->engine, x.raw()), right, bias ? bias.raw() : nullptr,
              y.raw());
}

void Linear::backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& dx, Write write) {
  const LaidOutWeight& known = laid_out(weight);
  const int64_t outputs = known.plain.shape()[0];
  const int64_t inputs = known.plain.shape()[1];
  const int64_t rows = dy.shape().num_rows();
  if (rows == 0) return;
  omp_set_num_threads(state_->num_threads);
  const Primitive& made =
      state_->primitive({Product::backward_input, rows, outputs, inputs, false, write == Write::accumulate});
  const memory::desc plain({outputs, inputs}, memory::data_type::f32, memory::format_tag::ab);
  const memory right = state_->weight_in(known, plain, made.description.weights_desc());
  state_->run(made, memory(made.description.src_desc(), state_->engine, dy.raw()), right, nullptr, dx.raw());
}

void Linear::backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight) {
  const int64_t rows = x.shape().num_rows();
  if (rows == 0) return;
  omp_set_num_threads(state_->num_threads);
  const Primitive& made =
      state_->primitive({Product::backward_weight, rows, dweight.shape()[0], dweight.shape()[1], false, true});
  state_->run(made, memory(made.description.src_desc(), state_->engine, dy.raw()),
              memory(made.description.weights_desc(), state_->engine, x.raw()), nullptr, dweight.raw());
}

const Shape& Linear::shape_of(const PreparedWeight& weight) { return laid_out(weight).plain.shape(); }

std::string Linear::library_version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace kumiko::cpu
