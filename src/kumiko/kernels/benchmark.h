// Kernel cases against the clock, and the kernel calls of a whole GPT-2 124M training step.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "kumiko/kernels/cases.h"
#include "kumiko/kernels/machine.h"

namespace kumiko {

struct CaseTime {
  double seconds = 0;  // the best of several calls: other load can only slow a call down
  double flops = 0;
  double bytes = 0;

  // The time that the machine's ceilings allow at best, over the time taken.
  double roofline_share(const MachineCeilings& ceilings) const;
};

// What a call is timed by. On a busy machine only the calling thread's own CPU time means something, and only with
// kernels of one thread.
enum class BenchmarkClock { wall, thread_cpu };

// Calls the kernel for at least `seconds`, and at least three times, after one call that is not counted.
CaseTime time_case(const CaseSpec& spec, DType type, Kernels& kernels, MemoryPool& pool, double seconds,
                   BenchmarkClock clock);

// The median times of `rounds` calls with each, taken alternately, after one that is not counted.
std::pair<CaseTime, CaseTime> time_alternately(const CaseSpec& spec, DType type, Kernels& first, Kernels& second,
                                               MemoryPool& pool, int rounds);

// Calls of one kernel with one shape in a training step, and the part of the step that they belong to.
struct StepCalls {
  std::string region;
  int64_t count;
  CaseSpec spec;
};

// Forward, backward and AdamW of GPT-2 124M with a vocabulary padded to 50304 on `batch` sequences of `sequence`
// tokens.
std::vector<StepCalls> gpt2_step(int64_t batch, int64_t sequence);

// Shapes that the reference can check in seconds: GPT-2's widths with few rows.
std::vector<CaseSpec> gpt2_check_cases();

}  // namespace kumiko
