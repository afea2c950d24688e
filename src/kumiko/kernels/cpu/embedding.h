// Looking up rows of the embedding tables, and adding gradients to them.
#pragma once

#include "kumiko/kernels/kernels.h"

namespace kumiko::cpu {

void embedding_forward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token, const Tensor& token_table,
                       const Tensor& position_table, const Tensor& y, int num_threads);
// Threads share out the columns, so that every element is summed in the order of the tokens.
void embedding_backward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token, const Tensor& dy,
                        const Tensor& dtoken_table, const Tensor& dposition_table, int num_threads);

}  // namespace kumiko::cpu
