// Cross-entropy over (part of) a vocabulary.
#pragma once

#include "kumiko/tensor/tensor.h"

namespace kumiko::cpu {

void cross_entropy_statistics(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                              const Tensor& max, const Tensor& sum, const Tensor& target_logit, int num_threads);
void cross_entropy_gradient(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                            const Tensor& max, const Tensor& sum, double scale, int num_threads);

}  // namespace kumiko::cpu
