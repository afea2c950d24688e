#include "kumiko/model/mlp.h"

namespace kumiko {
namespace {

// down: the linear that writes to the residual stream.
LinearOptions down_options(const std::string& name, const MlpOptions& options, bool bias) {
  LinearOptions down;
  down.split = LinearSplit::inputs;
  down.outputs = {{name + ".down", options.hidden}};
  down.num_inputs = options.feed_forward;
  down.bias = bias;
  down.init_std = options.output_std;
  return down;
}

// Those of the linears in front of the activation, which are cut alike.
LinearOptions wide_options(const std::vector<std::string>& names, const MlpOptions& options, bool bias) {
  LinearOptions wide;
  for (const std::string& name : names) wide.outputs.push_back({name, options.feed_forward});
  wide.num_inputs = options.hidden;
  wide.bias = bias;
  wide.init_std = options.init_std;
  return wide;
}

DropoutMask output_mask(const Pass& pass, const MlpOptions& options, int layer) {
  return pass.dropout_mask(DropoutSite::mlp_output(layer), options.dropout, options.hidden);
}

class GeluMlp final : public Mlp {
 public:
  GeluMlp(ParameterRegistry& registry, const std::string& name, const MlpOptions& options, int layer)
      : options_(options),
        layer_(layer),
        feed_forward_(registry.tensor_parallel().share(options.feed_forward).size()),
        up_(registry, wide_options({name + ".up"}, options, true)),
        down_(registry, down_options(name, options, true)) {}

  void prepare(Kernels& kernels) override {
    up_.prepare(kernels);
    down_.prepare(kernels);
  }

  void release() override {
    up_.release();
    down_.release();
  }

  void forward_onto(Pass& pass, const Tensor& x, const Tensor& y) const override {
    const Tensor pre = pass.empty({pass.num_tokens(), feed_forward_});
    const Tensor activated = pass.empty(pre.shape(), MemoryPurpose::workspace);
    up_.forward_gelu(pass, x, pre, activated);
    down_.forward_onto(pass, activated, output_mask(pass, options_, layer_), y);
    pass.keep(pre);
  }

  Tensor backward(Pass& pass, const Tensor& dy, LinearInput x) const override {
    const Tensor dpre = down_.backward_from_gelu(pass, output_mask(pass, options_, layer_), dy, pass.stash->pop());
    return up_.backward(pass, dpre, std::move(x));
  }

 private:
  MlpOptions options_;
  int layer_;
  int64_t feed_forward_;  // of this rank
  Linear up_;
  Linear down_;
};

class SwigluMlp final : public Mlp {
 public:
  SwigluMlp(ParameterRegistry& registry, const std::string& name, const MlpOptions& options, int layer)
      : options_(options),
        layer_(layer),
        feed_forward_(registry.tensor_parallel().share(options.feed_forward).size()),
        gate_up_(registry, wide_options({name + ".gate", name + ".up"}, options, false)),
        down_(registry, down_options(name, options, false)) {}

  void prepare(Kernels& kernels) override {
    gate_up_.prepare(kernels);
    down_.prepare(kernels);
  }

  void release() override {
    gate_up_.release();
    down_.release();
  }

  void forward_onto(Pass& pass, const Tensor& x, const Tensor& y) const override {
    const Tensor gate_up = gate_up_.forward(pass, x);  // [T, 2F]
    down_.forward_onto(pass, activate(pass.kernels, pass.pool, gate_up), output_mask(pass, options_, layer_), y);
    pass.keep(gate_up);
  }

  Tensor backward(Pass& pass, const Tensor& dy, LinearInput x) const override {
    const Tensor gate_up = pass.stash->pop();
    const LinearInput activated = [this, &kernels = pass.kernels, &pool = pass.pool, timer = pass.timer, gate_up] {
      const PhaseSpan phase(timer, Phase::recompute);
      return activate(kernels, pool, gate_up);
    };
    // In place of its input, unless waiting weight work still reads that.
    const Tensor dgate_up = pass.weight_work->at_once() ? gate_up : pass.empty(gate_up.shape());
    pass.kernels.swiglu_backward(gate_up, down_.backward_from(pass, output_mask(pass, options_, layer_), dy, activated),
                                 dgate_up);
    return gate_up_.backward(pass, dgate_up, std::move(x));
  }

 private:
  // [T, F], as workspace. Cheap to make again, so not kept.
  Tensor activate(Kernels& kernels, MemoryPool& pool, const Tensor& gate_up) const {
    const Tensor y =
        Tensor::empty(pool, {gate_up.shape()[0], feed_forward_}, gate_up.dtype(), MemoryPurpose::workspace);
    kernels.swiglu_forward(gate_up, y);
    return y;
  }

  MlpOptions options_;
  int layer_;
  int64_t feed_forward_;  // of this rank
  Linear gate_up_;
  Linear down_;
};

}  // namespace

std::unique_ptr<Mlp> make_gelu_mlp(ParameterRegistry& registry, const std::string& name, const MlpOptions& options,
                                   int layer) {
  return std::make_unique<GeluMlp>(registry, name, options, layer);
}

std::unique_ptr<Mlp> make_swiglu_mlp(ParameterRegistry& registry, const std::string& name, const MlpOptions& options,
                                     int layer) {
  return std::make_unique<SwigluMlp>(registry, name, options, layer);
}

}  // namespace kumiko
