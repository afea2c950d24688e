#include "kumiko/kernels/benchmark.h"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "kumiko/base/clock.h"

namespace kumiko {
namespace {

constexpr int64_t hidden = 768;
constexpr int64_t num_layers = 12;
constexpr int64_t num_heads = 12;
constexpr int64_t vocabulary = 50304;
double now(BenchmarkClock clock) {
  if (clock == BenchmarkClock::wall) return seconds_now();
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

constexpr int64_t num_parameters = vocabulary * hidden + 1024 * hidden + num_layers * 7087872 + 2 * hidden;

}  // namespace

double CaseTime::roofline_share(const MachineCeilings& ceilings) const {
  const double bandwidth = std::max(ceilings.copy, ceilings.triad);
  return std::max(flops / ceilings.fma_f32, bytes / bandwidth) / seconds;
}

CaseTime time_case(const CaseSpec& spec, DType type, Kernels& kernels, MemoryPool& pool, double seconds,
                   BenchmarkClock clock) {
  const KernelCase timed = make_case(spec, type, pool);
  timed.prepare(kernels);
  timed.run(kernels);
  CaseTime time{1e30, timed.flops, timed.bytes};
  double total = 0;
  for (int calls = 0; calls < 3 || total < seconds; ++calls) {
    const double start = now(clock);
    timed.run(kernels);
    const double taken = now(clock) - start;
    time.seconds = std::min(time.seconds, taken);
    total += taken;
  }
  return time;
}

std::pair<CaseTime, CaseTime> time_alternately(const CaseSpec& spec, DType type, Kernels& first, Kernels& second,
                                               MemoryPool& pool, int rounds) {
  struct Side {
    Kernels& kernels;
    KernelCase timed;
    std::vector<double> seconds;
  };
  Side sides[] = {{first, make_case(spec, type, pool), {}}, {second, make_case(spec, type, pool), {}}};
  for (Side& side : sides) {
    side.timed.prepare(side.kernels);
    side.timed.run(side.kernels);
  }
  for (int round = 0; round < rounds; ++round) {
    for (Side& side : sides) {
      const double start = seconds_now();
      side.timed.run(side.kernels);
      side.seconds.push_back(seconds_now() - start);
    }
  }
  const auto median = [](Side& side) {
    std::sort(side.seconds.begin(), side.seconds.end());
    return CaseTime{side.seconds[side.seconds.size() / 2], side.timed.flops, side.timed.bytes};
  };
  return {median(sides[0]), median(sides[1])};
}

std::vector<StepCalls> gpt2_step(int64_t batch, int64_t sequence) {
  const int64_t rows = batch * sequence;
  std::vector<StepCalls> calls;
  const auto add = [&](const char* region, int64_t count, const std::string& text) {
    calls.push_back({region, count, CaseSpec::parse(text)});
  };
  const auto add_linear = [&](const char* region, int64_t count, int64_t outputs, int64_t inputs, int bias,
                              std::array<const char*, 3> kernels) {
    const std::string sizes = fmt::format("T={},N={},K={},bias={}", rows, outputs, inputs, bias);
    for (const char* kernel : kernels) add(region, count, fmt::format("{}:{}", kernel, sizes));
  };
  constexpr std::array plain = {"linear_forward", "linear_backward_input", "linear_backward_weight"};
  add_linear("linear layers", num_layers, 3 * hidden, hidden, 1, plain);
  add_linear("linear layers", num_layers, hidden, hidden, 1, plain);
  add_linear("linear layers", num_layers, 4 * hidden, hidden, 1,
             {"linear_gelu_forward", "linear_backward_input", "linear_backward_weight"});
  add_linear("linear layers", num_layers, hidden, 4 * hidden, 1,
             {"linear_forward", "linear_gelu_backward_input", "linear_gelu_backward_weight"});
  add_linear("logits", 1, vocabulary, hidden, 0, plain);
  const std::string heads = fmt::format("B={},Sq={},A={},D={},fused=1", batch, sequence, num_heads, hidden / num_heads);
  add("attention", num_layers, "attention_forward:" + heads);
  add("attention", num_layers, "attention_backward:" + heads);
  const std::string norm = fmt::format("T={},H={}", rows, hidden);
  add("layer norm", 2 * num_layers + 1, "layer_norm_forward:" + norm);
  add("layer norm", 2 * num_layers + 1, "layer_norm_backward:" + norm + ",accumulate=1");
  // Once more where the weights' gradients want what they multiply.
  add("layer norm", 2 * num_layers, "layer_norm_forward:" + norm);
  const std::string table = fmt::format("B={},S={},V={},H={}", batch, sequence, vocabulary, hidden);
  add("embedding", 1, "embedding_forward:" + table);
  add("embedding", 1, "embedding_backward:" + table);
  const std::string loss = fmt::format("T={},V={},padding=47", rows, vocabulary);
  add("loss", 1, "cross_entropy_statistics:" + loss);
  add("loss", 1, "cross_entropy_gradient:" + loss);
  // In ten parts, to hold less memory.
  add("optimizer", 10, fmt::format("sum_of_squares:elements={}", num_parameters / 10));
  add("optimizer", 10, fmt::format("adamw:elements={}", num_parameters / 10));
  return calls;
}

std::vector<CaseSpec> gpt2_check_cases() {
  std::vector<CaseSpec> cases;
  for (const StepCalls& calls : gpt2_step(2, 100)) {
    CaseSpec spec = calls.spec;
    // The reference is slow on purpose.
    for (const char* wide : {"N", "V"}) {
      if (spec.get(wide) > 4 * hidden) spec.sizes[wide] = 1003;
    }
    if (spec.get("elements") > 1'000'000) spec.sizes["elements"] = 1'000'003;
    cases.push_back(spec);
  }
  cases.push_back(CaseSpec::parse("attention_forward:B=1,Sq=100,A=2,D=64,dropout_percent=10"));
  cases.push_back(CaseSpec::parse("attention_backward:B=1,Sq=100,A=2,D=64,dropout_percent=10"));
  cases.push_back(CaseSpec::parse("dropout:T=200,H=768"));
  cases.push_back(CaseSpec::parse("scale:elements=1000003"));
  cases.push_back(CaseSpec::parse("sgd:elements=1000003"));
  return cases;
}

}  // namespace kumiko
