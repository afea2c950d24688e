// The loops behind measure_ceilings.
#include <omp.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "kumiko/base/clock.h"
#include "kumiko/kernels/machine.h"
#include "kumiko/kernels/machine_bf16.h"
#include "kumiko/tensor/tensor.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/machine_measure.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

// Chains of multiply-adds in registers alone: enough of them to fill two pipelines of latency 4, or of 9 where there
// are 32 registers.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SCALAR
constexpr int num_chains = 12;
#else
constexpr int num_chains = 20;
#endif

#ifndef KUMIKO_CHAINS
#define KUMIKO_CHAINS(X) \
  X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19)
#endif

// Returns flop; `result` keeps the work from being removed.
double MultiplyAdds(int64_t iterations, float seed, float* result) {
  const Floats f;
  const auto factor = hn::Set(f, 0.999F + seed * 1e-6F);
  const auto term = hn::Set(f, 1e-3F);
#define KUMIKO_START(i) auto chain##i = hn::Set(f, seed + static_cast<float>(i));
  KUMIKO_CHAINS(KUMIKO_START)
#undef KUMIKO_START
  for (int64_t n = 0; n < iterations; ++n) {
#define KUMIKO_STEP(i) \
  if constexpr (i < num_chains) chain##i = hn::MulAdd(chain##i, factor, term);
    KUMIKO_CHAINS(KUMIKO_STEP)
#undef KUMIKO_STEP
  }
  auto sum = hn::Zero(f);
#define KUMIKO_SUM(i) sum = hn::Add(sum, chain##i);
  KUMIKO_CHAINS(KUMIKO_SUM)
#undef KUMIKO_SUM
  *result = hn::GetLane(hn::SumOfLanes(f, sum));
  return 2.0 * num_chains * static_cast<double>(num_lanes() * iterations);
}

// to = a + factor b, or to = a if b is null; past the caches, as no one reads it soon.
void Triad(const float* a, const float* b, float* to, int64_t count) {
  const Floats f;
  const int64_t lanes = num_lanes();
  const auto factor = hn::Set(f, 3.0F);
  for (int64_t i = 0; i + lanes <= count; i += lanes) {
    auto value = hn::Load(f, a + i);
    if (b != nullptr) value = hn::MulAdd(factor, hn::Load(f, b + i), value);
    hn::Stream(value, f, to + i);
  }
  hwy::FlushStream();
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko {
namespace cpu {
namespace {

HWY_EXPORT(MultiplyAdds);
HWY_EXPORT(Triad);

double multiply_adds(int64_t iterations, float seed, float* result) {
  return HWY_DYNAMIC_DISPATCH(MultiplyAdds)(iterations, seed, result);
}

void triad(const float* a, const float* b, float* to, int64_t count) { HWY_DYNAMIC_DISPATCH(Triad)(a, b, to, count); }

// Seconds that `threads` threads take for body(thread), all starting together; the best of `repeats`, and their sum.
template <class Body>
double best_seconds(int threads, int repeats, const Body& body, double* total = nullptr) {
  double best = 1e30;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    double start = 0;
#pragma omp parallel num_threads(threads)
    {
#pragma omp barrier
#pragma omp single
      start = seconds_now();
      body(omp_get_thread_num());
    }
    const double taken = seconds_now() - start;
    best = std::min(best, taken);
    if (total != nullptr) *total += taken;
  }
  return best;
}

}  // namespace
}  // namespace cpu

MachineCeilings measure_ceilings(int threads) {
  MachineCeilings ceilings;
  ceilings.cpu = cpu_name();
  ceilings.threads = threads;
  ceilings.host = host_name();

  std::vector<float> results(static_cast<size_t>(threads) * 16);
  constexpr int64_t iterations = 300'000;
  // The best and the mean rate of 60 short runs.
  const auto rates_of = [&](const auto& loop, int64_t count) {
    double flop = 0;
    double total = 0;
    const double best = cpu::best_seconds(
        threads, 60,
        [&](int thread) {
          const double done = loop(count, static_cast<float>(thread), &results[static_cast<size_t>(thread) * 16]);
          if (thread == 0) flop = done;
        },
        &total);
    return std::pair{flop * threads / best, flop * threads * 60 / total};
  };
  std::tie(ceilings.fma_f32, ceilings.fma_f32_mean) = rates_of(cpu::multiply_adds, iterations);
  ceilings.fma_bf16 = has_bf16_instructions() ? rates_of(bf16_dot_products, iterations).first : ceilings.fma_f32;

  const auto pool = MemoryPool::create();
  constexpr int64_t elements = int64_t{8} << 20;  // of each of three arrays: 32 MiB
  const int64_t part = elements / threads / 16 * 16;
  std::vector<Tensor> arrays;
  for (int i = 0; i < 3; ++i) {
    arrays.push_back(Tensor::empty(*pool, {elements}, DType::f32, MemoryPurpose::workspace));
    float* array = arrays.back().data<float>();
    cpu::best_seconds(threads, 1, [&](int thread) { std::fill_n(array + thread * part, part, 1.0F); });
  }
  float *a = arrays[0].data<float>(), *b = arrays[1].data<float>(), *to = arrays[2].data<float>();
  const double bytes = 4.0 * static_cast<double>(part * threads);
  const auto rate = [&](double streams, const float* second) {
    return streams * bytes / cpu::best_seconds(threads, 8, [&](int thread) {
             cpu::triad(a + thread * part, second == nullptr ? nullptr : second + thread * part, to + thread * part,
                        part);
           });
  };
  ceilings.copy = rate(2, nullptr);
  ceilings.triad = rate(3, b);
  return ceilings;
}

}  // namespace kumiko
#endif
