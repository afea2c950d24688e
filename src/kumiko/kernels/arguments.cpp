#include "kumiko/kernels/arguments.h"

#include <algorithm>
#include <cmath>

#include "kumiko/base/error.h"

namespace kumiko::arguments {
namespace {

void expect_type(const char* kernel, const char* name, const Tensor& tensor, DType type) {
  if (tensor.dtype() == type) return;
  throw_internal("{}: {} is {}, expected {}", kernel, name, name_of(tensor.dtype()), name_of(type));
}

void expect_matrix(const char* kernel, const char* name, const Tensor& tensor, int64_t rows, int64_t columns,
                   DType type) {
  expect_type(kernel, name, tensor, type);
  if (tensor && tensor.shape().last() == columns && tensor.num_elements() == rows * columns) return;
  throw_internal("{}: {} is {}, expected {} rows of {}", kernel, name, tensor ? tensor.shape().to_string() : "absent",
                 rows, columns);
}

void expect_vector(const char* kernel, const char* name, const Tensor& tensor, int64_t size, DType type) {
  expect_type(kernel, name, tensor, type);
  if (tensor && tensor.num_elements() == size) return;
  throw_internal("{}: {} is {}, expected {} elements", kernel, name, tensor ? tensor.shape().to_string() : "absent",
                 size);
}

void expect_vector_if_present(const char* kernel, const char* name, const Tensor& tensor, int64_t size, DType type) {
  if (tensor) expect_vector(kernel, name, tensor, size, type);
}

void expect_heads(const char* kernel, const char* name, const HeadsView& view, int64_t batch, int64_t rows,
                  int64_t heads, int64_t head_size, DType type) {
  expect_type(kernel, name, view.tensor, type);
  if (batch == 0 || rows == 0) return;
  const int64_t end = view.offset + (batch - 1) * view.batch_stride + (rows - 1) * view.row_stride + heads * head_size;
  if (view.tensor && view.offset >= 0 && end <= view.tensor.num_elements()) return;
  throw_internal("{}: {} needs {} elements from offset {}, its tensor is {}", kernel, name, end - view.offset,
                 view.offset, view.tensor ? view.tensor.shape().to_string() : "absent");
}

}  // namespace

DType parameter_type(DType activations) { return activations == DType::f64 ? DType::f64 : DType::f32; }

void check_linear(const char* kernel, const Tensor& x, const Shape& weight, const Tensor& bias, const Tensor& y) {
  if (weight.rank() != 2) throw_internal("{}: weight is {}, expected [N, K]", kernel, weight.to_string());
  const int64_t rows = x.shape().num_rows();
  expect_matrix(kernel, "x", x, rows, weight[1], x.dtype());
  expect_matrix(kernel, "y", y, rows, weight[0], x.dtype());
  expect_vector_if_present(kernel, "bias", bias, weight[0], parameter_type(x.dtype()));
}

void check_linear_terms(const char* kernel, const Tensor& x, const ProductTerms& terms, int64_t num_terms,
                        int64_t num_outputs, const Tensor& bias, const Tensor& y) {
  expect_matrix(kernel, "y", y, x.shape().num_rows(), num_outputs, x.dtype());
  expect_vector_if_present(kernel, "bias", bias, num_outputs, parameter_type(x.dtype()));
  const bool inside = terms.count > 0 && terms.first_column >= 0 && terms.first_term >= 0 &&
                      terms.first_column + terms.count <= x.shape().last() &&
                      terms.first_term + terms.count <= num_terms;
  if (inside) return;
  throw_internal("{}: {} terms from column {} of {} and term {} of {}, expected one or more that are there", kernel,
                 terms.count, terms.first_column, x.shape().last(), terms.first_term, num_terms);
}

void check_linear_gradient(const char* kernel, const Tensor& x, const Tensor& dy, const Tensor& dweight,
                           const Tensor& dbias) {
  check_linear(kernel, x, dweight.shape(), dbias, dy);
  expect_type(kernel, "dweight", dweight, parameter_type(x.dtype()));
}

void check_attention(const char* kernel, const AttentionShape& shape, const HeadsView& q, const HeadsView& k,
                     const HeadsView& v, const HeadsView& out, const Tensor& log_sum_exp) {
  if (shape.num_kv_heads <= 0 || shape.num_heads % shape.num_kv_heads != 0) {
    throw_internal("{}: {} key-value heads do not divide {} heads", kernel, shape.num_kv_heads, shape.num_heads);
  }
  if (shape.num_keys < shape.num_queries) {
    throw_internal("{}: {} keys, expected at least the {} queries", kernel, shape.num_keys, shape.num_queries);
  }
  check_dropout(shape.mask);
  expect_vector_if_present(kernel, "first_keys", shape.first_keys, shape.batch * shape.num_queries, DType::i32);
  const DType type = q.tensor.dtype();
  const int64_t head_size = shape.head_size;
  expect_heads(kernel, "q", q, shape.batch, shape.num_queries, shape.num_heads, head_size, type);
  expect_heads(kernel, "k", k, shape.batch, shape.num_keys, shape.num_kv_heads, head_size, type);
  expect_heads(kernel, "v", v, shape.batch, shape.num_keys, shape.num_kv_heads, head_size, type);
  expect_heads(kernel, "out", out, shape.batch, shape.num_queries, shape.num_heads, head_size, type);
  expect_vector_if_present(kernel, "log_sum_exp", log_sum_exp, shape.batch * shape.num_heads * shape.num_queries,
                           parameter_type(type));
}

void check_attention_backward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                              const HeadsView& out, const Tensor& log_sum_exp, const HeadsView& dout,
                              const HeadsView& dq, const HeadsView& dk, const HeadsView& dv) {
  const char* kernel = "attention_backward";
  check_attention(kernel, shape, q, k, v, out, log_sum_exp);
  check_attention(kernel, shape, dq, dk, dv, dout, log_sum_exp);
  if (!log_sum_exp) throw_internal("{}: log_sum_exp is absent; the forward call must keep it", kernel);
  if (shape.num_keys != shape.num_queries) {
    throw_internal("{}: {} queries and {} keys, expected as many", kernel, shape.num_queries, shape.num_keys);
  }
}

void check_layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& y, const Tensor& mean,
                      const Tensor& rstd) {
  const char* kernel = "layer_norm_forward";
  const DType type = x.dtype();
  const int64_t rows = x.shape().num_rows();
  expect_vector(kernel, "gamma", gamma, x.shape().last(), parameter_type(type));
  expect_vector(kernel, "beta", beta, x.shape().last(), parameter_type(type));
  expect_matrix(kernel, "y", y, rows, x.shape().last(), type);
  expect_vector_if_present(kernel, "mean", mean, rows, parameter_type(type));
  expect_vector_if_present(kernel, "rstd", rstd, rows, parameter_type(type));
}

void check_layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& mean,
                               const Tensor& rstd, const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta) {
  const char* kernel = "layer_norm_backward";
  const DType type = x.dtype();
  const int64_t rows = x.shape().num_rows();
  const int64_t columns = x.shape().last();
  expect_matrix(kernel, "dy", dy, rows, columns, type);
  expect_vector(kernel, "gamma", gamma, columns, parameter_type(type));
  expect_vector(kernel, "mean", mean, rows, parameter_type(type));
  expect_vector(kernel, "rstd", rstd, rows, parameter_type(type));
  expect_matrix(kernel, "dx", dx, rows, columns, type);
  expect_vector(kernel, "dgamma", dgamma, columns, parameter_type(type));
  expect_vector(kernel, "dbeta", dbeta, columns, parameter_type(type));
}

void check_rms_norm(const Tensor& x, const Tensor& gamma, const Tensor& y, const Tensor& rstd) {
  const char* kernel = "rms_norm_forward";
  const int64_t rows = x.shape().num_rows();
  expect_vector(kernel, "gamma", gamma, x.shape().last(), parameter_type(x.dtype()));
  expect_matrix(kernel, "y", y, rows, x.shape().last(), x.dtype());
  expect_vector_if_present(kernel, "rstd", rstd, rows, parameter_type(x.dtype()));
}

void check_rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& rstd,
                             const Tensor& dx, const Tensor& dgamma) {
  const char* kernel = "rms_norm_backward";
  const int64_t rows = x.shape().num_rows();
  const int64_t columns = x.shape().last();
  const DType type = parameter_type(x.dtype());
  expect_matrix(kernel, "dy", dy, rows, columns, x.dtype());
  expect_vector(kernel, "gamma", gamma, columns, type);
  expect_vector(kernel, "rstd", rstd, rows, type);
  expect_matrix(kernel, "dx", dx, rows, columns, x.dtype());
  expect_vector(kernel, "dgamma", dgamma, columns, type);
}

void check_swiglu(const char* kernel, const Tensor& x, const Tensor& y) {
  const int64_t columns = x.shape().last();
  if (columns % 2 != 0) throw_internal("{}: x is {}, expected gate beside up", kernel, x.shape().to_string());
  expect_matrix(kernel, "y", y, x.shape().num_rows(), columns / 2, x.dtype());
}

void check_rotary(const RotaryShape& shape, const HeadsView& x, const Tensor& cosine, const Tensor& sine) {
  const char* kernel = "rotate";
  if (shape.head_size % 2 != 0) throw_internal("{}: head size {}, expected an even one", kernel, shape.head_size);
  expect_heads(kernel, "x", x, shape.batch, shape.num_rows, shape.num_heads, shape.head_size, x.tensor.dtype());
  const int64_t positions = cosine.shape().num_rows();
  const DType type = parameter_type(x.tensor.dtype());
  expect_matrix(kernel, "cosine", cosine, positions, shape.head_size / 2, type);
  expect_matrix(kernel, "sine", sine, positions, shape.head_size / 2, type);
  if (shape.first_position < 0 || shape.first_position + shape.num_rows > positions) {
    throw_internal("{}: positions {} to {} of {}", kernel, shape.first_position,
                   shape.first_position + shape.num_rows - 1, positions);
  }
}

void check_embedding(const char* kernel, const Tensor& tokens, const TokenPlaces& places, const Tensor& token_table,
                     const Tensor& position_table, const Tensor& y) {
  const int64_t rows = tokens.num_elements();
  const int64_t columns = token_table.shape().last();
  expect_type(kernel, "tokens", tokens, DType::i32);
  expect_matrix(kernel, "y", y, rows, columns, y.dtype());
  expect_type(kernel, "token_table", token_table, parameter_type(y.dtype()));
  const int64_t sequence = places.sequence;
  if (sequence <= 0 || rows % sequence != 0) {
    throw_internal("{}: {} tokens are not whole sequences of {}", kernel, rows, sequence);
  }
  expect_vector_if_present(kernel, "positions", places.positions, rows, DType::i32);
  if (!position_table) return;
  expect_matrix(kernel, "position_table", position_table, position_table.shape().num_rows(), columns,
                token_table.dtype());
  const int64_t first = places.first_position;
  if (!places.positions && (first < 0 || first + sequence > position_table.shape().num_rows())) {
    throw_internal("{}: positions {} to {} of a table of {}", kernel, first, first + sequence - 1,
                   position_table.shape().num_rows());
  }
}

void check_cross_entropy(const char* kernel, const Tensor& logits, const Tensor& targets, int64_t num_valid,
                         const Tensor& max, const Tensor& sum) {
  const int64_t rows = logits.shape().num_rows();
  expect_vector(kernel, "targets", targets, rows, DType::i32);
  expect_vector(kernel, "max", max, rows, parameter_type(logits.dtype()));
  expect_vector(kernel, "sum", sum, rows, parameter_type(logits.dtype()));
  if (num_valid < 0 || num_valid > logits.shape().last()) {
    throw_internal("{}: num_valid is {}, logits have {} columns", kernel, num_valid, logits.shape().last());
  }
}

void check_same(const char* kernel, const Tensor& tensor, const Tensor& other) {
  if (tensor.num_elements() == other.num_elements() && tensor.dtype() == other.dtype()) return;
  throw_internal("{}: {} {} and {} {}, expected the same", kernel, name_of(tensor.dtype()), tensor.shape().to_string(),
                 name_of(other.dtype()), other.shape().to_string());
}

void check_dropout(const DropoutMask& mask) {
  if (mask.probability >= 0 && mask.probability < 1) return;
  throw_internal("dropout: probability is {}, expected 0 or more and less than 1", mask.probability);
}

uint32_t dropout_threshold(double probability) {
  return static_cast<uint32_t>(std::min(std::ceil(probability * 0x1p32), 0x1p32 - 1));
}

}  // namespace kumiko::arguments
