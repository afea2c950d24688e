// Every backward of the reference against central differences of its forward, in double.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include "kumiko/kernels/kernels.h"

namespace kumiko {
namespace {

class Gradient : public testing::Test {
 protected:
  Tensor normal(Shape shape) {
    Tensor tensor = zeros(shape);
    const PhiloxKey key = random_key(1, RandomStream::test, next_++);
    for (int64_t i = 0; i < tensor.num_elements(); ++i) {
      tensor.data<double>()[i] = random_normal(key, static_cast<uint64_t>(i));
    }
    return tensor;
  }
  Tensor zeros(Shape shape) { return Tensor::zeros(*pool_, shape, DType::f64, MemoryPurpose::workspace); }

  static double dot(const Tensor& a, const Tensor& b) {
    double sum = 0;
    for (int64_t i = 0; i < a.num_elements(); ++i) sum += a.data<double>()[i] * b.data<double>()[i];
    return sum;
  }

  // `loss` reads `input`; `gradient` claims to be its derivative. With step h the central difference is off by a third
  // derivative times h^2 and by epsilon / h times the loss: both near 1e-9 here.
  static void expect_derivative(const Tensor& input, const Tensor& gradient, const std::function<double()>& loss,
                                const char* name) {
    constexpr double h = 1e-5;
    double error = 0;
    double norm = 0;
    for (int64_t i = 0; i < input.num_elements(); ++i) {
      double& value = input.data<double>()[i];
      const double before = value;
      value = before + h;
      const double above = loss();
      value = before - h;
      const double below = loss();
      value = before;
      const double numeric = (above - below) / (2 * h);
      error += std::pow(numeric - gradient.data<double>()[i], 2);
      norm += numeric * numeric;
    }
    EXPECT_LE(std::sqrt(error), 1e-7 * (std::sqrt(norm) + 1)) << name;
    EXPECT_GT(norm, 0) << name;
  }

  std::shared_ptr<MemoryPool> pool_ = MemoryPool::create();
  std::unique_ptr<Kernels> kernels_ = make_reference_kernels();
  uint64_t next_ = 0;
};

TEST_F(Gradient, Linear) {
  const Tensor x = normal({3, 5}), weight = normal({4, 5}), bias = normal({4}), dy = normal({3, 4});
  const Tensor y = zeros({3, 4}), dx = zeros({3, 5}), dweight = zeros({4, 5}), dbias = zeros({4});
  const auto loss = [&] {
    const auto prepared = kernels_->prepare_weight(weight, nullptr);
    kernels_->linear_forward(x, *prepared, bias, y, Write::overwrite);
    return dot(y, dy);
  };
  kernels_->linear_backward_input(dy, *kernels_->prepare_weight(weight, nullptr), dx, Write::accumulate);
  kernels_->linear_backward_weight(x, dy, dweight, dbias);
  expect_derivative(x, dx, loss, "dx");
  expect_derivative(weight, dweight, loss, "dweight");
  expect_derivative(bias, dbias, loss, "dbias");
}

TEST_F(Gradient, AttentionWithGroupedHeadsAndDropout) {
  const Tensor first_keys = Tensor::zeros(*pool_, {2, 6}, DType::i32, MemoryPurpose::workspace);
  const std::array<int32_t, 12> starts = {0, 0, 0, 3, 3, 5, 0, 1, 2, 2, 2, 2};
  std::copy(starts.begin(), starts.end(), first_keys.data<int32_t>());
  for (const auto& [causal, packed] : {std::pair(true, false), {false, false}, {true, true}, {false, true}}) {
    AttentionShape shape;
    shape.batch = 2;
    shape.num_queries = shape.num_keys = 6;
    shape.num_heads = 4;
    shape.num_kv_heads = 2;
    shape.head_size = 3;
    shape.causal = causal;
    shape.scale = 0.6;
    shape.mask.probability = 0.3;
    shape.num_heads_global = 4;
    if (packed) shape.first_keys = first_keys;
    const auto view = [&](const Tensor& tensor, int64_t heads) {
      return HeadsView{tensor, 0, 6 * heads * 3, heads * 3};
    };
    const Tensor q = normal({2, 6, 12}), k = normal({2, 6, 6}), v = normal({2, 6, 6}), dout = normal({2, 6, 12});
    const Tensor out = zeros({2, 6, 12}), lse = zeros({2, 4, 6});
    const Tensor dq = zeros({2, 6, 12}), dk = zeros({2, 6, 6}), dv = zeros({2, 6, 6});
    const auto loss = [&] {
      kernels_->attention_forward(shape, view(q, 4), view(k, 2), view(v, 2), view(out, 4), lse);
      return dot(out, dout);
    };
    loss();
    kernels_->attention_backward(shape, view(q, 4), view(k, 2), view(v, 2), view(out, 4), lse, view(dout, 4),
                                 view(dq, 4), view(dk, 2), view(dv, 2));
    expect_derivative(q, dq, loss, "dq");
    expect_derivative(k, dk, loss, "dk");
    expect_derivative(v, dv, loss, "dv");
  }
}

TEST_F(Gradient, LayerNorm) {
  const Tensor x = normal({3, 7}), gamma = normal({7}), beta = normal({7}), dy = normal({3, 7});
  const Tensor y = zeros({3, 7}), mean = zeros({3}), rstd = zeros({3});
  const Tensor dx = zeros({3, 7}), dgamma = zeros({7}), dbeta = zeros({7});
  const auto loss = [&] {
    kernels_->layer_norm_forward(x, gamma, beta, 1e-5, y, mean, rstd);
    return dot(y, dy);
  };
  loss();
  kernels_->layer_norm_backward(dy, x, gamma, mean, rstd, dx, Write::overwrite, dgamma, dbeta);
  expect_derivative(x, dx, loss, "dx");
  expect_derivative(gamma, dgamma, loss, "dgamma");
  expect_derivative(beta, dbeta, loss, "dbeta");
}

TEST_F(Gradient, RmsNorm) {
  const Tensor x = normal({3, 7}), gamma = normal({7}), dy = normal({3, 7});
  const Tensor y = zeros({3, 7}), rstd = zeros({3}), dx = zeros({3, 7}), dgamma = zeros({7});
  const auto loss = [&] {
    kernels_->rms_norm_forward(x, gamma, 1e-5, y, rstd);
    return dot(y, dy);
  };
  loss();
  kernels_->rms_norm_backward(dy, x, gamma, rstd, dx, Write::overwrite, dgamma);
  expect_derivative(x, dx, loss, "dx");
  expect_derivative(gamma, dgamma, loss, "dgamma");
}

TEST_F(Gradient, Swiglu) {
  const Tensor x = normal({4, 10}), dy = normal({4, 5}), y = zeros({4, 5}), dx = zeros({4, 10});
  kernels_->swiglu_backward(x, dy, dx);
  const auto loss = [&] {
    kernels_->swiglu_forward(x, y);
    return dot(y, dy);
  };
  expect_derivative(x, dx, loss, "dx");
}

TEST_F(Gradient, Rotary) {
  RotaryShape shape;
  shape.batch = 2;
  shape.num_rows = 3;
  shape.num_heads = 2;
  shape.head_size = 4;
  shape.first_position = 1;
  const Tensor x = normal({2, 3, 8}), y = zeros({2, 3, 8}), dy = normal({2, 3, 8}), dx = zeros({2, 3, 8});
  const Tensor cosine = normal({4, 2}), sine = normal({4, 2});
  const auto view = [](const Tensor& tensor) { return HeadsView{tensor, 0, 24, 8}; };
  copy(dy, dx);
  kernels_->rotate(shape, view(dx), cosine, sine, true);
  const auto loss = [&] {
    copy(x, y);
    kernels_->rotate(shape, view(y), cosine, sine, false);
    return dot(y, dy);
  };
  expect_derivative(x, dx, loss, "dx");
}

TEST_F(Gradient, Gelu) {
  const Tensor x = normal({50}), dy = normal({50}), y = zeros({50}), dx = zeros({50});
  const auto loss = [&] {
    kernels_->gelu_forward(x, y);
    return dot(y, dy);
  };
  kernels_->gelu_backward(x, dy, dx);
  expect_derivative(x, dx, loss, "dx");
}

TEST_F(Gradient, Embedding) {
  const TokenPlaces places{4, 2, {}};
  const Tensor table = normal({5, 3}), positions = normal({6, 3}), dy = normal({8, 3});
  const Tensor y = zeros({8, 3}), dtable = zeros({5, 3}), dpositions = zeros({6, 3});
  const Tensor tokens = Tensor::zeros(*pool_, {8}, DType::i32, MemoryPurpose::workspace);
  for (int32_t i = 0; i < 8; ++i) tokens.data<int32_t>()[i] = i % 3 + 9;  // 9 is outside the table
  const auto loss = [&] {
    kernels_->embedding_forward(tokens, places, 10, table, positions, y);
    return dot(y, dy);
  };
  kernels_->embedding_backward(tokens, places, 10, dy, dtable, dpositions);
  expect_derivative(table, dtable, loss, "dtoken_table");
  expect_derivative(positions, dpositions, loss, "dposition_table");
}

TEST_F(Gradient, CrossEntropy) {
  const Tensor logits = normal({4, 6}), max = zeros({4}), sum = zeros({4}), target_logit = zeros({4});
  const Tensor targets = Tensor::zeros(*pool_, {4}, DType::i32, MemoryPurpose::workspace);
  const std::array<int32_t, 4> tokens = {100, 104, -1, 102};
  std::copy(tokens.begin(), tokens.end(), targets.data<int32_t>());
  const auto loss = [&] {
    kernels_->cross_entropy_statistics(logits, targets, 100, 5, max, sum, target_logit);
    double total = 0;
    for (int t = 0; t < 4; ++t) {
      if (tokens[static_cast<size_t>(t)] == -1) continue;
      total += std::log(sum.data<double>()[t]) + max.data<double>()[t] - target_logit.data<double>()[t];
    }
    return 0.25 * total;
  };
  loss();
  const Tensor gradient = zeros({4, 6});
  copy(logits, gradient);
  kernels_->cross_entropy_gradient(gradient, targets, 100, 5, max, sum, 0.25);
  expect_derivative(logits, gradient, loss, "logits");
}

TEST_F(Gradient, DropoutIsItsOwnBackward) {
  DropoutMask mask;
  mask.probability = 0.4;
  mask.num_columns = 10;
  const Tensor x = normal({3, 10}), dy = normal({3, 10}), y = zeros({3, 10}), dx = zeros({3, 10});
  const auto loss = [&] {
    kernels_->dropout(mask, x, y, Write::overwrite);
    return dot(y, dy);
  };
  kernels_->dropout(mask, dy, dx, Write::overwrite);
  expect_derivative(x, dx, loss, "dx");
}

}  // namespace
}  // namespace kumiko
