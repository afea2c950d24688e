// Dense products of matrices in memory, C [M, N] = A [M, K] B [K, N], in blocks that fit the caches, with a tile of C
// in registers (Goto and van de Geijn 2008; Van Zee and van de Geijn 2015). Operands are laid out for the tile as they
// are needed, so that no second copy of a weight is kept; what a layer does to its inputs and outputs happens on the
// way.
#pragma once

#include "kumiko/kernels/cpu/workspace.h"
#include "kumiko/kernels/kernels.h"

namespace kumiko::cpu {

// A as rows or B as columns: line l, term k at data[l * line_stride + k * depth_stride]; one of the strides is 1.
struct ProductOperand {
  const void* data = nullptr;
  DType type = DType::f32;
  int64_t line_stride = 0;
  int64_t depth_stride = 0;
  bool gelu = false;  // elements are read through GELU
};

enum class ProductFinish : uint8_t {
  plain,          // C = or += AB + bias
  gelu,           // pre = AB + bias, C = gelu(pre)
  gelu_gradient,  // C = AB gelu'(pre)
};

// Row-major, N apart.
struct ProductResult {
  void* data = nullptr;
  DType type = DType::f32;
  Write write = Write::overwrite;
  const float* bias = nullptr;  // [N], or null
  ProductFinish finish = ProductFinish::plain;
  void* pre = nullptr;  // [M, N] of the result's type, unless the finish is plain
};

struct Product {
  int64_t num_rows = 0;     // M
  int64_t num_columns = 0;  // N
  int64_t depth = 0;        // K
  ProductOperand a;
  ProductOperand b;
  ProductResult c;
  bool whole_sums = false;  // no part of a sum is added to C before the rest
};

// Sums are taken in an order that depends on the sizes alone: the same bits with any number of threads.
void multiply(const Product& product, int num_threads, Workspace& workspace);

// For a few rows of A, both operands with depth_stride 1, B in f32, C of A's type and a plain finish: B is read once,
// where it lies.
void multiply_few_rows(const Product& product, int num_threads);

}  // namespace kumiko::cpu
