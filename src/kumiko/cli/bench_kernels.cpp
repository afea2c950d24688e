// `kumiko bench kernels`: every kernel against the reference, against itself, or against the clock.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>

#include "kumiko/base/error.h"
#include "kumiko/cli/bench.h"
#include "kumiko/cli/choice.h"
#include "kumiko/kernels/benchmark.h"

namespace kumiko {
namespace {

struct KernelsOptions {
  std::string mode = "correct";
  std::vector<std::string> cases;
  int threads = num_available_cores();
  std::string type = "f32";
  LinearBackend linear = LinearBackend::automatic;
  bool cpu_clock = false;
  int64_t batch = 4;
  int64_t sequence = 1024;
};

const std::map<std::string, LinearBackend>& backends() {
  static const std::map<std::string, LinearBackend> table = [] {
    std::map<std::string, LinearBackend> made;
    for (const std::string& name : linear_backend_names()) made.emplace(name, static_cast<LinearBackend>(made.size()));
    return made;
  }();
  return table;
}

std::vector<CaseSpec> chosen_cases(const KernelsOptions& options) {
  if (options.cases.empty()) return gpt2_check_cases();
  std::vector<CaseSpec> specs;
  for (const std::string& text : options.cases) specs.push_back(CaseSpec::parse(text));
  return specs;
}

// Prints what went wrong and how to see it again.
void report_failure(const KernelsOptions& options, const CaseSpec& spec, const std::string& problem) {
  fmt::print(
      "FAIL  {}\n      {}\n      kumiko bench kernels --mode {} --type {} --threads {} --linear-backend {} --case {}\n",
      spec.to_string(), problem, options.mode, options.type, options.threads, name_of(options.linear),
      spec.to_string());
}

void run_checks(const KernelsOptions& options) {
  const DType type = dtype_from_name(options.type);
  const auto pool = MemoryPool::create();
  const auto kernels = make_cpu_kernels(pool, options.threads, type, options.linear);
  const auto judge = options.mode == "correct" ? make_reference_kernels() : nullptr;
  fmt::print("{}\n", kernels->description());
  int failures = 0;
  const std::vector<CaseSpec> specs = chosen_cases(options);
  for (const CaseSpec& spec : specs) {
    const std::string problem = judge ? compare_kernels(spec, *kernels, *judge, *pool, type)
                                      : compare_bits(spec, *kernels, *kernels, *pool, type);
    if (problem.empty()) {
      fmt::print("ok    {}\n", spec.to_string());
    } else {
      report_failure(options, spec, problem);
      ++failures;
    }
  }
  if (failures > 0) throw_internal("{} of {} kernel cases failed", failures, specs.size());
}

std::string rate_of(const CaseTime& time) {
  return time.flops > 0 ? fmt::format("{:7.1f} GFLOP/s", time.flops / time.seconds * 1e-9)
                        : fmt::format("{:7.1f} GB/s   ", time.bytes / time.seconds * 1e-9);
}

void run_perf(const KernelsOptions& options) {
  if (options.cpu_clock && options.threads != 1) {
    throw_user("--cpu-clock with {} threads: it times one; add --threads 1", options.threads);
  }
  const auto clock = options.cpu_clock ? BenchmarkClock::thread_cpu : BenchmarkClock::wall;
  const DType type = dtype_from_name(options.type);
  const auto pool = MemoryPool::create();
  const auto kernels = make_cpu_kernels(pool, options.threads, type, options.linear);
  const MachineCeilings ceilings = measure_ceilings(options.threads);
  fmt::print("{}; ceilings now: {:.1f} GFLOP/s, {:.1f} GB/s\n\n", kernels->description(), ceilings.fma_f32 * 1e-9,
             std::max(ceilings.copy, ceilings.triad) * 1e-9);

  std::vector<StepCalls> calls;
  if (options.cases.empty()) {
    calls = gpt2_step(options.batch, options.sequence);
  } else {
    for (const std::string& text : options.cases) calls.push_back({"", 1, CaseSpec::parse(text)});
  }
  fmt::print("{:>10} {:>5}  {:>15}  {:>8}  case\n", "ms a call", "calls", "rate", "roofline");
  std::vector<std::string> regions;
  std::map<std::string, CaseTime> totals;
  for (const StepCalls& call : calls) {
    const CaseTime time = time_case(call.spec, type, *kernels, *pool, 0.3, clock);
    fmt::print("{:>10.3f} {:>5}  {:>15}  {:>6.0f} %  {}\n", time.seconds * 1e3, call.count, rate_of(time),
               100 * time.roofline_share(ceilings), call.spec.to_string());
    std::fflush(stdout);
    if (!totals.contains(call.region)) regions.push_back(call.region);
    for (CaseTime* total : {&totals[call.region], &totals["whole step"]}) {
      const auto count = static_cast<double>(call.count);
      total->seconds += count * time.seconds;
      total->flops += count * time.flops;
      // What the roofline allows is counted in bytes a second where bytes bind, so it adds up over unlike calls.
      total->bytes += count * time.roofline_share(ceilings) * time.seconds;
    }
  }
  if (!options.cases.empty()) return;
  regions.emplace_back("whole step");
  const double step = totals["whole step"].seconds;
  fmt::print("\n{:<14} {:>10} {:>7} {:>10} {:>9}\n", "region", "ms", "step", "floor ms", "roofline");
  for (const std::string& region : regions) {
    const CaseTime& total = totals[region];
    fmt::print("{:<14} {:>10.1f} {:>5.1f} % {:>10.1f} {:>7.0f} %\n", region, total.seconds * 1e3,
               100 * total.seconds / step, total.bytes * 1e3, 100 * total.bytes / total.seconds);
  }
  fmt::print("\n{:.0f} tokens/s, {:.1f} GFLOP/s of products, {:.1f} % of the FMA ceiling\n",
             static_cast<double>(options.batch * options.sequence) / step, totals["whole step"].flops / step * 1e-9,
             100 * totals["whole step"].flops / step / ceilings.fma_f32);
}

// Our own linear layers against those of --linear-backend.
void run_compare(const KernelsOptions& options) {
  constexpr int rounds = 9;
  const DType type = dtype_from_name(options.type);
  const auto pool = MemoryPool::create();
  const auto own = make_cpu_kernels(pool, options.threads, type, LinearBackend::native);
  const auto other = make_cpu_kernels(pool, options.threads, type, options.linear);
  std::vector<CaseSpec> specs;
  for (const std::string& text : options.cases) specs.push_back(CaseSpec::parse(text));
  if (specs.empty()) {
    for (const StepCalls& call : gpt2_step(options.batch, options.sequence)) {
      if (call.spec.kernel.starts_with("linear_")) specs.push_back(call.spec);
    }
  }
  fmt::print("A: {}\nB: {}\nmedians of {} calls, alternately\n\n", own->description(), other->description(), rounds);
  fmt::print("{:>17} {:>17} {:>6}  case\n", "A", "B", "A / B");
  for (const CaseSpec& spec : specs) {
    const auto [a, b] = time_alternately(spec, type, *own, *other, *pool, rounds);
    fmt::print("{:>17} {:>17} {:>6.3f}  {}\n", rate_of(a), rate_of(b), b.seconds / a.seconds, spec.to_string());
    std::fflush(stdout);
  }
}

}  // namespace

void add_bench_kernels(CLI::App& bench) {
  auto options = std::make_shared<KernelsOptions>();
  CLI::App* command = bench.add_subcommand("kernels", "Check or time every kernel");
  command
      ->add_option(
          "--mode", options->mode,
          "correct: against the reference; bitwise: the same bits twice; perf: share of the roofline; compare: our "
          "linear layers against those of --linear-backend")
      ->check(CLI::IsMember({"correct", "bitwise", "perf", "compare"}))
      ->capture_default_str();
  command
      ->add_option("--case", options->cases,
                   "Only these cases, as in linear_forward:T=64,N=48,K=32 (default: GPT-2 124M's)")
      ->delimiter(';');
  command
      ->add_option("--linear-backend", options->linear, "Products of linear layers: automatic, native, onednn, cblas")
      ->transform(choice(backends()));
  command->add_option("--type", options->type, "Activations: f32, bf16 or f16");
  command->add_option("--threads", options->threads, "OpenMP threads")->check(CLI::PositiveNumber);
  command->add_flag("--cpu-clock", options->cpu_clock, "Time by CPU time, for a busy machine; with --threads 1");
  command->add_option("--micro-batch-size", options->batch, "Sequences of the timed step")->check(CLI::PositiveNumber);
  command->add_option("--seq-length", options->sequence, "Tokens of each")->check(CLI::PositiveNumber);
  command->callback([options] {
    if (options->mode == "perf") return run_perf(*options);
    if (options->mode == "compare") return run_compare(*options);
    run_checks(*options);
  });
}

}  // namespace kumiko
