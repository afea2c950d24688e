// The rate of the CPU's own bf16 dot products, where it has them.
#include "kumiko/kernels/machine_bf16.h"

#include <iterator>
#include <numeric>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kumiko {

#if defined(__x86_64__)

bool has_bf16_instructions() { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bf16"); }

// Twelve chains of vdpbf16ps: 32 multiplications and as many additions each.
__attribute__((target("avx512f,avx512bf16"))) double bf16_dot_products(int64_t iterations, float seed, float* result) {
  constexpr int num_chains = 12;
  __m512 chains[num_chains];
  for (int i = 0; i < num_chains; ++i) chains[i] = _mm512_set1_ps(seed + static_cast<float>(i));
  const __m512bh factor = _mm512_cvtne2ps_pbh(_mm512_set1_ps(1e-3F * seed), _mm512_set1_ps(1e-3F));
  for (int64_t n = 0; n < iterations; ++n) {
    for (auto& chain : chains) chain = _mm512_dpbf16_ps(chain, factor, factor);
  }
  __m512 sum = _mm512_setzero_ps();
  for (const auto& chain : chains) sum = _mm512_add_ps(sum, chain);
  float lanes[16];
  _mm512_storeu_ps(lanes, sum);
  *result = std::accumulate(std::begin(lanes), std::end(lanes), 0.0F);
  return 64.0 * num_chains * static_cast<double>(iterations);
}

#else

bool has_bf16_instructions() { return false; }

double bf16_dot_products(int64_t, float, float*) { return 0; }

#endif

}  // namespace kumiko
