#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/cli/bench.h"
#include "kumiko/cli/communication_options.h"
#include "kumiko/cli/same_command.h"
#include "kumiko/comm/benchmark.h"
#include "kumiko/comm/run.h"

namespace kumiko {
namespace {

struct CommBench {
  CommBenchmarkOptions benchmark;
  CommunicationOptions communication;
  bool json = false;
};

void print_json(const World& world, const std::vector<CommTiming>& timings, const OverlapTiming& overlap) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const CommTiming& timing : timings) {
    rows.push_back({{"verb", name_of(timing.verb)},
                    {"bytes", timing.bytes},
                    {"seconds", timing.seconds},
                    {"bus_bytes_per_second", timing.bus_bytes_per_second()}});
  }
  const nlohmann::ordered_json report = {{"ranks", world.size()},
                                         {"network", world.description()},
                                         {"verbs", rows},
                                         {"overlap",
                                          {{"bytes", overlap.bytes},
                                           {"communication_seconds", overlap.communication},
                                           {"arithmetic_seconds", overlap.arithmetic},
                                           {"both_seconds", overlap.both},
                                           {"processor_seconds_alone", overlap.processor_alone},
                                           {"processor_seconds_beside", overlap.processor_beside},
                                           {"hidden", overlap.hidden()}}}};
  fmt::print("{}\n", report.dump());
}

void print_text(const World& world, const std::vector<CommTiming>& timings, const OverlapTiming& overlap) {
  fmt::print("{} ranks, {} of them on this host, {}\n\n", world.size(), world.local_size(), world.description());
  fmt::print("{:<14} {:>10} {:>12} {:>14}\n", "verb", "size", "time", "bus bandwidth");
  for (const CommTiming& timing : timings) {
    fmt::print("{:<14} {:>10} {:>9.1f} us {:>9.2f} GB/s\n", name_of(timing.verb),
               human_bytes(static_cast<double>(timing.bytes)), timing.seconds * 1e6,
               timing.bus_bytes_per_second() * 1e-9);
  }
  fmt::print("\nall_reduce of {} while one thread of each rank computes\n",
             human_bytes(static_cast<double>(overlap.bytes)));
  fmt::print(
      "  communication alone {:>8.2f} ms\n  arithmetic alone    {:>8.2f} ms\n  both at once        {:>8.2f} ms\n",
      overlap.communication * 1e3, overlap.arithmetic * 1e3, overlap.both * 1e3);
  fmt::print("  hidden              {:>8.0f} %   of the shorter of the two\n", 100 * overlap.hidden());
  fmt::print("  processor time of the communication thread: {:.2f} ms alone, {:.2f} ms beside arithmetic\n",
             overlap.processor_alone * 1e3, overlap.processor_beside * 1e3);
}

int run(const CommBench& options, const CLI::App& command) {
  options.benchmark.validate();
  options.communication.validate();
  const std::shared_ptr<MemoryPool> pool = MemoryPool::create();
  return run_in_world(
      [&](World& world) {
        check_same_command(command, world);
        if (world.size() < 2) {
          throw_user("one rank has nobody to talk to; start with a launcher, as `mpiexec -n 2 kumiko bench comm`");
        }
        const std::vector<CommTiming> timings = benchmark_verbs(world, *pool, options.benchmark);
        const OverlapTiming overlap = benchmark_overlap(world, *pool, options.benchmark);
        if (world.rank() == 0) (options.json ? print_json : print_text)(world, timings, overlap);
        return 0;
      },
      pool, options.communication);
}

}  // namespace

void add_bench_comm(CLI::App& bench) {
  const auto options = std::make_shared<CommBench>();
  CommBenchmarkOptions& benchmark = options->benchmark;
  CLI::App* command = bench.add_subcommand(
      "comm", "Time and bandwidth of communication by size, and its overlap with arithmetic; run it under mpiexec");
  command->add_option("--min-bytes", benchmark.min_bytes, "Smallest tensor")->capture_default_str();
  command->add_option("--max-bytes", benchmark.max_bytes, "Largest tensor")->capture_default_str();
  command->add_option("--factor", benchmark.factor, "From one size to the next")->capture_default_str();
  command->add_option("--overlap-bytes", benchmark.overlap_bytes, "Tensor of the overlap measurement")
      ->capture_default_str();
  command->add_option("--repetitions", benchmark.repetitions, "Of each measurement; the median counts")
      ->capture_default_str();
  add_communication_options(*command, options->communication);
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options, command] {
    const int code = run(*options, *command);
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace kumiko
