// What the reproducible mode stands on (model/canonical.h): the bits of one element depend on what goes into it and on
// nothing else, neither on how many rows, columns or heads a call has nor on the element's place among them.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/kernels/kernels.h"

namespace kumiko {
namespace {

MemoryPool& pool() {
  static const auto made = MemoryPool::create();
  return *made;
}

Tensor empty(Shape shape) { return Tensor::empty(pool(), shape, DType::f32, MemoryPurpose::workspace); }

Tensor numbers(Shape shape, uint64_t stream) {
  const Tensor made = empty(shape);
  const PhiloxKey key = random_key(5, RandomStream::test, stream);
  for (int64_t i = 0; i < made.num_elements(); ++i) {
    made.data<float>()[i] = static_cast<float>(random_bits(key, static_cast<uint64_t>(i)) * 0x1p-31 - 1);
  }
  return made;
}

struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

Tensor block(const Tensor& matrix, Range rows, Range columns) {
  const Tensor made = empty({rows.size(), columns.size()});
  for (int64_t r = 0; r < rows.size(); ++r) {
    const float* from = matrix.data<float>() + (rows.begin + r) * matrix.shape().last() + columns.begin;
    std::memcpy(made.data<float>() + r * columns.size(), from, static_cast<size_t>(columns.size()) * sizeof(float));
  }
  return made;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.num_bytes() == b.num_bytes() && std::memcmp(a.raw(), b.raw(), a.num_bytes()) == 0;
}

class Invariance : public testing::TestWithParam<int> {
 protected:
  // 0: the reference.
  std::unique_ptr<Kernels> kernels_ =
      GetParam() == 0 ? make_reference_kernels()
                      : make_cpu_kernels(MemoryPool::create(), GetParam(), DType::f32, LinearBackend::native);
  std::unique_ptr<PreparedWeight> prepared(const Tensor& weight) { return kernels_->prepare_weight(weight, nullptr); }
};

// T rows of 201 inputs to 167 outputs, and a few odd parts of each.
constexpr int64_t num_tokens = 159;
constexpr int64_t num_inputs = 201;
constexpr int64_t num_outputs = 167;
constexpr Range all_tokens{0, num_tokens};
constexpr Range all_inputs{0, num_inputs};
constexpr Range all_outputs{0, num_outputs};
const Range token_parts[] = {{0, 7}, {5, 158}, {100, 159}};
const Range output_parts[] = {{0, 1}, {1, 18}, {90, 167}};
const Range input_parts[] = {{0, 17}, {3, 4}, {77, 201}};

TEST_P(Invariance, ForwardOfALinear) {
  const Tensor x = numbers({num_tokens, num_inputs}, 0), weight = numbers({num_outputs, num_inputs}, 1);
  const Tensor bias = numbers({num_outputs}, 2), y = empty({num_tokens, num_outputs}), pre = empty(y.shape());
  const Tensor activated = empty(y.shape());
  kernels_->linear_forward(x, *prepared(weight), bias, y, Write::overwrite);
  kernels_->linear_gelu_forward(x, *prepared(weight), bias, pre, activated);
  for (const Range tokens : token_parts) {
    for (const Range outputs : output_parts) {
      const Tensor part = empty({tokens.size(), outputs.size()}), part_pre = empty(part.shape());
      const auto some = prepared(weight.rows(outputs.begin, outputs.end));
      const Tensor rows = x.rows(tokens.begin, tokens.end), some_bias = bias.rows(outputs.begin, outputs.end);
      kernels_->linear_forward(rows, *some, some_bias, part, Write::overwrite);
      EXPECT_TRUE(same_bits(part, block(y, tokens, outputs)));
      kernels_->linear_gelu_forward(rows, *some, some_bias, part_pre, part);
      EXPECT_TRUE(same_bits(part_pre, block(pre, tokens, outputs)));
      EXPECT_TRUE(same_bits(part, block(activated, tokens, outputs)));
    }
  }
}

TEST_P(Invariance, GradientOfALinearsInput) {
  const Tensor dy = numbers({num_tokens, num_outputs}, 0), weight = numbers({num_outputs, num_inputs}, 1);
  const Tensor pre = numbers({num_tokens, num_inputs}, 2), dx = empty(pre.shape()), dpre = empty(pre.shape());
  kernels_->linear_backward_input(dy, *prepared(weight), dx, Write::overwrite);
  kernels_->linear_gelu_backward_input(dy, *prepared(weight), pre, dpre);
  for (const Range tokens : token_parts) {
    for (const Range inputs : input_parts) {
      const Tensor part = empty({tokens.size(), inputs.size()}), rows = dy.rows(tokens.begin, tokens.end);
      const auto some = prepared(block(weight, all_outputs, inputs));
      kernels_->linear_backward_input(rows, *some, part, Write::overwrite);
      EXPECT_TRUE(same_bits(part, block(dx, tokens, inputs)));
      kernels_->linear_gelu_backward_input(rows, *some, block(pre, tokens, inputs), part);
      EXPECT_TRUE(same_bits(part, block(dpre, tokens, inputs)));
    }
  }
}

TEST_P(Invariance, GradientOfALinearsWeight) {
  const Tensor x = numbers({num_tokens, num_inputs}, 0), dy = numbers({num_tokens, num_outputs}, 1);
  const Tensor dweight = numbers({num_outputs, num_inputs}, 2), dbias = numbers({num_outputs}, 3);
  const Tensor before = block(dweight, all_outputs, all_inputs), bias_before = empty(dbias.shape());
  copy(dbias, bias_before);
  kernels_->linear_backward_weight(x, dy, dweight, dbias);
  for (const Range outputs : output_parts) {
    for (const Range inputs : input_parts) {
      const Tensor part = block(before, outputs, inputs), bias = empty({outputs.size()});
      copy(bias_before.rows(outputs.begin, outputs.end), bias);
      kernels_->linear_backward_weight(block(x, all_tokens, inputs), block(dy, all_tokens, outputs), part, bias);
      EXPECT_TRUE(same_bits(part, block(dweight, outputs, inputs)));
      EXPECT_TRUE(same_bits(bias, dbias.rows(outputs.begin, outputs.end)));
    }
  }
}

TEST_P(Invariance, TermsHaveNoPlace) {
  const Tensor x = numbers({num_tokens, num_inputs}, 0), weight = numbers({num_outputs, num_inputs}, 1);
  const Tensor dy = numbers({num_tokens, num_outputs}, 2), y = empty(dy.shape()), other_y = empty(dy.shape());
  const Tensor dx = empty(x.shape()), other_dx = empty(x.shape());
  for (const Range part : input_parts) {
    kernels_->linear_forward_terms(x, *prepared(weight), {part.begin, part.begin, part.size()}, {}, y,
                                   Write::overwrite);
    kernels_->linear_forward_terms(block(x, all_tokens, part), *prepared(block(weight, all_outputs, part)),
                                   {0, 0, part.size()}, {}, other_y, Write::overwrite);
    EXPECT_TRUE(same_bits(y, other_y));
  }
  for (const Range part : output_parts) {
    kernels_->linear_backward_input_terms(dy, *prepared(weight), {part.begin, part.begin, part.size()}, dx,
                                          Write::overwrite);
    kernels_->linear_backward_input_terms(block(dy, all_tokens, part), *prepared(weight.rows(part.begin, part.end)),
                                          {0, 0, part.size()}, other_dx, Write::overwrite);
    EXPECT_TRUE(same_bits(dx, other_dx));
  }
}

// Also of few rows, and of more terms than other sums are cut at.
TEST_P(Invariance, TermsAreSummedBeforeTheyAreAdded) {
  constexpr int64_t many = 2500;
  for (const int64_t rows : {3, 40}) {
    const Tensor x = numbers({rows, many}, 0), weight = numbers({19, many}, 1), y = numbers({rows, 19}, 2);
    const Tensor sum = empty(y.shape()), other = empty(y.shape());
    copy(y, other);
    const auto forward = prepared(weight);
    kernels_->linear_forward_terms(x, *forward, {0, 0, many}, {}, sum, Write::overwrite);
    kernels_->add(sum, other);
    kernels_->linear_forward_terms(x, *forward, {0, 0, many}, {}, y, Write::accumulate);
    EXPECT_TRUE(same_bits(y, other));
    const auto backward = prepared(numbers({many, 19}, 3));
    kernels_->linear_backward_input_terms(x, *backward, {0, 0, many}, sum, Write::overwrite);
    kernels_->add(sum, other);
    kernels_->linear_backward_input_terms(x, *backward, {0, 0, many}, y, Write::accumulate);
    EXPECT_TRUE(same_bits(y, other));
  }
}

TEST_P(Invariance, HeadsOfAttention) {
  constexpr int64_t num_heads = 6, head_size = 9, width = num_heads * head_size;
  AttentionShape whole;
  whole.batch = 2;
  whole.num_queries = whole.num_keys = 101;
  whole.num_heads = whole.num_kv_heads = whole.num_heads_global = num_heads;
  whole.head_size = head_size;
  whole.scale = 0.3;
  whole.mask.probability = 0.2;
  whole.mask.num_columns = whole.num_keys;
  const int64_t rows = whole.batch * whole.num_queries;
  const auto view = [&](const Tensor& tensor) {
    const int64_t columns = tensor.shape().last();
    return HeadsView{tensor, 0, whole.num_queries * columns, columns};
  };
  struct Results {
    Tensor out, dq, dk, dv;
  };
  // Of the heads whose columns these are.
  const auto attend = [&](Range columns, AttentionShape shape) {
    const auto part = [&](uint64_t stream) { return block(numbers({rows, width}, stream), {0, rows}, columns); };
    const Tensor q = part(0), k = part(1), v = part(2), dout = part(3);
    const Results made{empty(q.shape()), empty(q.shape()), empty(q.shape()), empty(q.shape())};
    const Tensor log_sum_exp = empty({shape.batch, shape.num_heads, shape.num_queries});
    kernels_->attention_forward(shape, view(q), view(k), view(v), view(made.out), log_sum_exp);
    kernels_->attention_backward(shape, view(q), view(k), view(v), view(made.out), log_sum_exp, view(dout),
                                 view(made.dq), view(made.dk), view(made.dv));
    return made;
  };
  const Results all = attend({0, width}, whole);
  for (const Range heads : {Range{0, 1}, Range{2, 6}}) {
    AttentionShape shape = whole;
    shape.num_heads = shape.num_kv_heads = heads.size();
    shape.first_head = heads.begin;
    const Range columns{heads.begin * head_size, heads.end * head_size};
    const Results some = attend(columns, shape);
    EXPECT_TRUE(same_bits(some.out, block(all.out, {0, rows}, columns)));
    EXPECT_TRUE(same_bits(some.dq, block(all.dq, {0, rows}, columns)));
    EXPECT_TRUE(same_bits(some.dk, block(all.dk, {0, rows}, columns)));
    EXPECT_TRUE(same_bits(some.dv, block(all.dv, {0, rows}, columns)));
  }
}

// Queries that share a head of keys: forward the same bits as with a copy of it each.
TEST_P(Invariance, SharedKeysAreCopiesOfThem) {
  constexpr int64_t head_size = 10, queries = 4 * head_size, rows = 75;
  AttentionShape shape;
  shape.batch = 1;
  shape.num_queries = shape.num_keys = rows;
  shape.num_heads = shape.num_heads_global = 4;
  shape.num_kv_heads = 1;
  shape.head_size = head_size;
  const auto view = [&](const Tensor& tensor) { return HeadsView{tensor, 0, 0, tensor.shape().last()}; };
  const Tensor q = numbers({rows, queries}, 0), k = numbers({rows, head_size}, 1), v = numbers({rows, head_size}, 2);
  const Tensor shared = empty(q.shape()), copied = empty(q.shape()), keys = empty(q.shape()), values = empty(q.shape());
  for (int64_t i = 0; i < q.num_elements(); ++i) {
    const int64_t place = i / queries * head_size + i % head_size;
    keys.data<float>()[i] = k.data<float>()[place];
    values.data<float>()[i] = v.data<float>()[place];
  }
  kernels_->attention_forward(shape, view(q), view(k), view(v), view(shared), {});
  shape.num_kv_heads = 4;
  kernels_->attention_forward(shape, view(q), view(keys), view(values), view(copied), {});
  EXPECT_TRUE(same_bits(shared, copied));
}

TEST_P(Invariance, RunsOfAnOptimizersTensors) {
  constexpr int64_t count = 40000;
  AdamWConstants constants;
  constants.lr = 0.01;
  constants.weight_decay = 0.1;
  constants.step = 3;
  constants.gradient_scale = 0.37;
  struct State {
    Tensor weight = numbers({count}, 0), gradient = numbers({count}, 1), first = numbers({count}, 2);
    Tensor second = numbers({count}, 3), velocity = numbers({count}, 4);
  };
  const auto update = [&](const State& state, Range run) {
    const auto of = [&](const Tensor& tensor) { return tensor.slice(run.begin, run.size()); };
    for (int64_t i = run.begin; i < run.end; ++i)
      state.second.data<float>()[i] = std::abs(state.second.data<float>()[i]);
    kernels_->adamw(constants, of(state.weight), of(state.gradient), of(state.first), of(state.second));
    kernels_->sgd(0.1, 0.9, 0.01, 0.37, of(state.weight), of(state.gradient), of(state.velocity));
  };
  const State whole, cut;
  update(whole, {0, count});
  for (const Range run : {Range{0, 1}, Range{1, 30}, Range{30, 33001}, Range{33001, 39995}, Range{39995, count}}) {
    update(cut, run);
  }
  EXPECT_TRUE(same_bits(whole.weight, cut.weight));
  EXPECT_TRUE(same_bits(whole.first, cut.first));
  EXPECT_TRUE(same_bits(whole.second, cut.second));
  EXPECT_TRUE(same_bits(whole.velocity, cut.velocity));
}

// What lies beside an element in its row changes with the tensor size.
TEST_P(Invariance, ColumnsOfWhatGoesElementByElement) {
  const Tensor gate = numbers({num_tokens, num_inputs}, 0), up = numbers(gate.shape(), 1),
               dy = numbers(gate.shape(), 2);
  const auto side_by_side = [](const Tensor& left, const Tensor& right) {
    const int64_t rows = left.shape()[0], width = left.shape()[1];
    const Tensor made = empty({rows, 2 * width});
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(made.data<float>() + 2 * r * width, left.data<float>() + r * width, static_cast<size_t>(width) * 4);
      std::memcpy(made.data<float>() + (2 * r + 1) * width, right.data<float>() + r * width,
                  static_cast<size_t>(width) * 4);
    }
    return made;
  };
  const auto swiglu = [&](Range columns) {
    const Tensor x = side_by_side(block(gate, all_tokens, columns), block(up, all_tokens, columns));
    const Tensor y = block(dy, all_tokens, columns), dx = empty(x.shape());
    kernels_->swiglu_backward(x, y, dx);
    kernels_->swiglu_forward(x, y);
    return std::pair(y, dx);
  };
  const auto [y, dx] = swiglu(all_inputs);
  for (const Range columns : input_parts) {
    const auto [part, dpart] = swiglu(columns);
    EXPECT_TRUE(same_bits(part, block(y, all_tokens, columns)));
    const Range behind{num_inputs + columns.begin, num_inputs + columns.end};
    EXPECT_TRUE(same_bits(dpart, side_by_side(block(dx, all_tokens, columns), block(dx, all_tokens, behind))));
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Invariance, testing::Values(0, 1, 2), [](const auto& tested) {
  return tested.param == 0 ? std::string("Reference") : "Threads" + std::to_string(tested.param);
});

}  // namespace
}  // namespace kumiko
