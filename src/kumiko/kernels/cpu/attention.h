// Attention in blocks that stay in cache, one head at a time (FlashAttention-2, Dao 2023): no score matrix.
#pragma once

#include "kumiko/kernels/cpu/workspace.h"
#include "kumiko/kernels/kernels.h"

namespace kumiko::cpu {

// See Kernels for shapes. Heads (and blocks of queries) are shared out to threads; each is computed whole by one.
void attention_forward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                       const HeadsView& out, const Tensor& log_sum_exp, int num_threads, Workspace& workspace);
void attention_backward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                        const HeadsView& out, const Tensor& log_sum_exp, const HeadsView& dout, const HeadsView& dq,
                        const HeadsView& dk, const HeadsView& dv, int num_threads, Workspace& workspace);

}  // namespace kumiko::cpu
