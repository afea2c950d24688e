// console_demo [STEPS [MILLISECONDS [FOLDER [FIRST_STEP]]]]: what a training run shows, with made-up numbers, for
// looking at; with FOLDER also what it writes, as a run that starts (again) at FIRST_STEP.
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kumiko/base/clock.h"
#include "kumiko/base/log.h"
#include "kumiko/train/breakdown.h"
#include "kumiko/train/console.h"
#include "kumiko/train/signals.h"
#include "kumiko/train/step_rates.h"
#include "kumiko/train/summary.h"
#include "kumiko/train/tensorboard.h"

namespace kumiko {
namespace {

void sleep_for_milliseconds(double count) {
  std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(count));
}

void show_summary(Console& console) {
  console.print(render_box(
      "kumiko train",
      {{"model", {{"architecture", "gpt2-124m (12 layers, 768 wide, 12 heads)"}, {"parameters", "124,439,808"}}},
       {"batch", {{"global", "16 sequences = 4 micro-batch x 2 accumulated x 2 ranks"}, {"tokens", "16,384 a step"}}},
       {"memory", {{"parameters", "474.70 MiB"}, {"gradients", "474.70 MiB"}, {"optimizer", "949.40 MiB"}}},
       {"output", {{"folder", "runs/組子 (metrics.jsonl, tensorboard/, checkpoints/)"}}}},
      {console.terminal().width(), console.terminal().utf8()}));
}

void work(RegionTimer& timer, double milliseconds) {
  { const Span span(timer, Region::batch_generator); }
  for (const Phase phase : {Phase::forward, Phase::backward}) {
    const PhaseSpan phase_span(timer, phase);
    const Span span(timer, Region::mlp);
    sleep_for_milliseconds(milliseconds * 0.45);
  }
  const Span span(timer, Region::optimizer);
  sleep_for_milliseconds(milliseconds * 0.1);
}

int run(int64_t steps, double milliseconds, const std::string& folder, int64_t first_step) {
  Console console(Terminal::detect());
  const StopSignals stop(console.terminal().shares_standard_error() ? StopSignals::Answer::line_over_bar
                                                                    : StopSignals::Answer::line);
  show_summary(console);
  RegionTimer timer;
  StepRates rates;
  std::jthread other([](const std::stop_token& token) {
    for (int i = 0; !token.stop_requested(); ++i) {
      sleep_for_milliseconds(700);
      log::info("a line from another thread, number {}", i);
    }
  });
  std::vector<std::unique_ptr<MetricsSink>> sinks;
  if (!folder.empty()) {
    std::filesystem::create_directories(folder);
    sinks.push_back(std::make_unique<JsonLinesSink>(folder + "/metrics.jsonl", first_step));
    sinks.push_back(std::make_unique<TensorBoardSink>(folder + "/tensorboard", first_step));
  }
  console.start(first_step - 1, steps);
  double last = seconds_now();
  for (int64_t step = first_step; step <= steps && stop.received() == 0; ++step) {
    const double begin = seconds_now();
    work(timer, milliseconds);
    timer.end_step();
    StepMetrics metrics;
    metrics.step = step;
    metrics.total_steps = steps;
    metrics.loss = 2 + 9 * std::exp(-static_cast<double>(step) / 50);
    metrics.learning_rate = 3e-4;
    metrics.gradient_norm = 1.25;
    metrics.step_seconds = seconds_now() - begin;
    metrics.skipped = step % 17 == 0;
    if (step % 20 == 0) {
      console.set_activity("evaluating");
      const PhaseSpan phase(timer, Phase::evaluation);
      sleep_for_milliseconds(1000);
      metrics.validation_loss = metrics.loss + 0.1;
    }
    rates.add(metrics.step_seconds, seconds_now() - last);
    last = seconds_now();
    metrics.tokens_per_second = 16384 / rates.typical_step_seconds();
    metrics.flops_per_second = metrics.tokens_per_second * 8.6e8 / 2;
    metrics.utilization = 0.42;
    metrics.memory_bytes = int64_t{3} << 30;
    metrics.remaining_seconds = rates.remaining_seconds(steps - step);
    console.write(metrics);
    for (const auto& sink : sinks) sink->write(metrics);
  }
  console.print(breakdown_table(timer.take(), {{RegionRow::forward_mlp, 1e10}}));
  return stop.received() == 0 ? 0 : 128 + stop.received();
}

}  // namespace
}  // namespace kumiko

int main(int argc, char** argv) {
  return kumiko::run(argc > 1 ? std::atoll(argv[1]) : 100, argc > 2 ? std::atof(argv[2]) : 100, argc > 3 ? argv[3] : "",
                     argc > 4 ? std::atoll(argv[4]) : 1);
}
