#include "kumiko/model/block.h"

namespace kumiko {

void Block::prepare(Kernels& kernels) {
  parts_.attention.prepare(kernels);
  parts_.mlp->prepare(kernels);
}

void Block::release() {
  parts_.attention.release();
  parts_.mlp->release();
}

Tensor Block::forward(Pass& pass, const Tensor& x) {
  Norm::Kept kept;
  // Norms `input`, and starts the residual sum as a copy of it.
  const auto norm = [&](const Norm& layer, const Tensor& input, MemoryPurpose purpose, Tensor& sum) {
    const Span span(pass.timer, Region::layer_norm);
    sum = pass.empty(input.shape(), purpose);
    copy(input, sum);
    return layer.forward(pass, input, kept);
  };
  Tensor h;
  parts_.attention.forward_onto(pass, norm(parts_.attention_norm, x, pass.kept(), h), h);
  Norm::keep(pass, kept);
  Tensor y;
  const Tensor normed = norm(parts_.mlp_norm, h, MemoryPurpose::stash, y);
  const Span span(pass.timer, Region::mlp);
  parts_.mlp->forward_onto(pass, normed, y);
  Norm::keep(pass, kept);
  return y;
}

Tensor Block::backward(Pass& pass, const Tensor& dy) {
  // The residual passes dy on unchanged; the branch's gradient is added to it.
  const auto add_norm = [&](const Norm& layer, const Norm::Kept& kept, const Tensor& dnormed, const Tensor& through) {
    const Span span(pass.timer, Region::layer_norm);
    const Tensor sum = pass.own(through);
    layer.backward(pass, kept, dnormed, sum, Write::accumulate);
    return sum;
  };
  const auto mlp = [&](const Norm::Kept& kept) {
    const Span span(pass.timer, Region::mlp);
    return parts_.mlp->backward(pass, dy, parts_.mlp_norm.output_again(pass, kept));
  };
  Norm::Kept kept = Norm::pop(pass);
  const Tensor dh = add_norm(parts_.mlp_norm, kept, mlp(kept), dy);
  kept = Norm::pop(pass);
  return add_norm(parts_.attention_norm, kept,
                  parts_.attention.backward(pass, dh, parts_.attention_norm.output_again(pass, kept)), dh);
}

}  // namespace kumiko
