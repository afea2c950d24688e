// The products of linear layers by oneDNN matmul. Weights are laid out once, in whatever layout each product wants.
#include <fmt/core.h>
#include <omp.h>

#include <dnnl.hpp>
#include <map>
#include <unordered_map>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/kernels/cpu/linear.h"
#include "kumiko/kernels/cpu/prepared.h"

namespace kumiko::cpu {
namespace {

using dnnl::matmul;
using dnnl::memory;

// What a product multiplies by: W^T in the forward, W in the backward. Of a square weight both have the same sizes, and
// may have the same layout.
enum class Factor : uint8_t { transposed, plain };

// A copy of the weight for each factor and layout that a product has asked for so far. Copies are made at first use, so
// that what is never run (generation has no backward) costs nothing.
class LaidOutWeight : public CpuWeight {
 public:
  struct Layout {
    Factor factor;
    memory::desc desc;
    Tensor storage;
    bool fresh = false;
  };

  mutable std::vector<Layout> layouts;
};

enum class Pass : uint8_t { forward, backward_input, backward_weight };

struct ProductKey {
  Pass pass;
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

class OneDnnProducts final : public LinearProducts {
 public:
  OneDnnProducts(const std::shared_ptr<MemoryPool>& pool, int num_threads, DType type)
      : LinearProducts(pool, num_threads),
        type_(type == DType::bf16 ? memory::data_type::bf16 : memory::data_type::f32) {}

  std::string description() const override {
    const dnnl_version_t* version = dnnl_version();
    return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
  }
  std::unique_ptr<PreparedWeight> prepare(const Tensor& weight, std::unique_ptr<PreparedWeight> previous) override;
  void forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& y,
               Write write) override;
  void backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& dx, Write write) override;
  void backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight) override;

 private:
  Primitive& primitive(const ProductKey& key);
  void* scratchpad_of(size_t bytes);
  memory weight_in(const PreparedWeight& weight, Factor factor, const memory::desc& wanted);
  void run(const Primitive& made, const memory& left, const memory& right, void* bias, void* result);
  memory at(const memory::desc& desc, const Tensor& tensor) const { return {desc, engine_, tensor.raw()}; }

  memory::data_type type_;  // of activations
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::map<ProductKey, Primitive> primitives_;
  Tensor scratchpad_;
};

std::unique_ptr<PreparedWeight> OneDnnProducts::prepare(const Tensor& weight,
                                                        std::unique_ptr<PreparedWeight> previous) {
  auto* reused = dynamic_cast<LaidOutWeight*>(previous.get());
  if (reused == nullptr || reused->plain.shape() != weight.shape()) {
    previous = std::make_unique<LaidOutWeight>();
    reused = static_cast<LaidOutWeight*>(previous.get());
  }
  reused->plain = weight;
  for (auto& layout : reused->layouts) layout.fresh = false;
  return previous;
}

Primitive& OneDnnProducts::primitive(const ProductKey& key) {
  if (const auto found = primitives_.find(key); found != primitives_.end()) return found->second;
  if (primitives_.size() >= max_primitives) primitives_.clear();
  using tag = memory::format_tag;
  constexpr auto f32 = memory::data_type::f32;
  const auto matrix = [](int64_t rows, int64_t columns, memory::data_type type, tag layout) {
    return memory::desc({rows, columns}, type, layout);
  };
  memory::desc left, right, result;
  if (key.pass == Pass::forward) {
    left = matrix(key.rows, key.inputs, type_, tag::ab);
    right = matrix(key.inputs, key.outputs, type_, tag::any);
    result = matrix(key.rows, key.outputs, type_, tag::ab);
  } else if (key.pass == Pass::backward_input) {
    left = matrix(key.rows, key.outputs, type_, tag::ab);
    right = matrix(key.outputs, key.inputs, type_, tag::any);
    result = matrix(key.rows, key.inputs, type_, tag::ab);
  } else {
    left = matrix(key.outputs, key.rows, type_, tag::ba);
    right = matrix(key.rows, key.inputs, type_, tag::ab);
    result = matrix(key.outputs, key.inputs, f32, tag::ab);
  }
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (key.accumulate) {
    dnnl::post_ops post_ops;
    post_ops.append_sum(1.0F);
    attributes.set_post_ops(post_ops);
  }
  const auto descriptor = key.bias ? matmul::desc(left, right, matrix(1, key.outputs, f32, tag::ab), result)
                                   : matmul::desc(left, right, result);
  const matmul::primitive_desc description(descriptor, attributes, engine_);
  return primitives_.emplace(key, Primitive{description, matmul(description)}).first->second;
}

void* OneDnnProducts::scratchpad_of(size_t bytes) {
  if (!scratchpad_ || scratchpad_.num_bytes() < bytes) {
    scratchpad_ = Tensor{};
    scratchpad_ = Tensor::empty(*pool_, {static_cast<int64_t>(bytes)}, DType::u8, MemoryPurpose::workspace);
  }
  return scratchpad_.raw();
}

// The factor in the layout `wanted`, laid out now if it is not there yet or stale.
memory OneDnnProducts::weight_in(const PreparedWeight& weight, Factor factor, const memory::desc& wanted) {
  const auto& known = dynamic_cast<const LaidOutWeight&>(weight);
  // W^T [K, N] is the rows of W read by columns.
  const auto tag = factor == Factor::transposed ? memory::format_tag::ba : memory::format_tag::ab;
  const memory::desc plain(wanted.dims(), memory::data_type::f32, tag);
  if (wanted == plain) return at(plain, known.plain);
  LaidOutWeight::Layout* layout = nullptr;
  for (auto& candidate : known.layouts) {
    if (candidate.factor == factor && candidate.desc == wanted) layout = &candidate;
  }
  if (layout == nullptr) {
    const auto bytes = static_cast<int64_t>(wanted.get_size());
    known.layouts.push_back(
        {factor, wanted, Tensor::empty(*pool_, {bytes}, DType::u8, MemoryPurpose::workspace), false});
    layout = &known.layouts.back();
  }
  memory packed = at(wanted, layout->storage);
  if (!layout->fresh) {
    memory source = at(plain, known.plain);
    dnnl::reorder(source, packed).execute(stream_, source, packed);
    stream_.wait();
    layout->fresh = true;
  }
  return packed;
}

void OneDnnProducts::run(const Primitive& made, const memory& left, const memory& right, void* bias, void* result) {
  const auto& description = made.description;
  std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, left},
      {DNNL_ARG_WEIGHTS, right},
      {DNNL_ARG_DST, memory(description.dst_desc(), engine_, result)},
      {DNNL_ARG_SCRATCHPAD,
       memory(description.scratchpad_desc(), engine_, scratchpad_of(description.scratchpad_desc().get_size()))}};
  if (bias != nullptr) arguments.insert({DNNL_ARG_BIAS, memory(description.bias_desc(), engine_, bias)});
  made.primitive.execute(stream_, arguments);
  stream_.wait();
}

void OneDnnProducts::forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& y,
                             Write write) {
  const Shape& shape = weight_shape(weight);
  if (x.num_elements() == 0) return;
  omp_set_num_threads(num_threads_);
  const Primitive& made = primitive(
      {Pass::forward, x.shape().num_rows(), shape[0], shape[1], static_cast<bool>(bias), write == Write::accumulate});
  const memory right = weight_in(weight, Factor::transposed, made.description.weights_desc());
  run(made, at(made.description.src_desc(), x), right, bias ? bias.raw() : nullptr, y.raw());
}

void OneDnnProducts::backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& dx, Write write) {
  const Shape& shape = weight_shape(weight);
  if (dy.num_elements() == 0) return;
  omp_set_num_threads(num_threads_);
  const Primitive& made =
      primitive({Pass::backward_input, dy.shape().num_rows(), shape[0], shape[1], false, write == Write::accumulate});
  const memory right = weight_in(weight, Factor::plain, made.description.weights_desc());
  run(made, at(made.description.src_desc(), dy), right, nullptr, dx.raw());
}

void OneDnnProducts::backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight) {
  if (x.num_elements() == 0) return;
  omp_set_num_threads(num_threads_);
  const Primitive& made =
      primitive({Pass::backward_weight, x.shape().num_rows(), dweight.shape()[0], dweight.shape()[1], false, true});
  run(made, at(made.description.src_desc(), dy), at(made.description.weights_desc(), x), nullptr, dweight.raw());
}

// For which oneDNN has bf16 products that are more than f32 ones in disguise.
bool has_bf16_instructions() {
#if defined(__x86_64__)
  const auto isa = dnnl::get_effective_cpu_isa();
  return isa == dnnl::cpu_isa::avx512_core_bf16 || isa == dnnl::cpu_isa::avx512_core_amx;
#else
  return false;
#endif
}

}  // namespace

std::unique_ptr<LinearProducts> make_onednn_products(std::shared_ptr<MemoryPool> pool, int num_threads, DType type) {
  if (type == DType::f16) throw_user("train.linear_backend = onednn: its CPU products know fp32 and bf16, not fp16");
  if (type == DType::bf16 && !has_bf16_instructions()) {
    throw_user("train.linear_backend = onednn: its bf16 products need a CPU with AVX512_BF16 or AMX");
  }
  return std::make_unique<OneDnnProducts>(pool, num_threads, type);
}

}  // namespace kumiko::cpu
