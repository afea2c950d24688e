#include "kumiko/train/prometheus.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/train/observer_guard.h"

namespace kumiko {
namespace {

PrometheusState state_of_a_run() {
  PrometheusState state;
  state.step.step = 120;
  state.step.total_steps = 2000;
  state.step.loss = 2.5;
  state.step.learning_rate = 3e-4;
  state.step.gradient_norm = NAN;
  state.step.step_seconds = 0.5;
  state.step.tokens_per_second = 16384;
  state.step.flops_per_second = 5.12e11;
  state.step.utilization = 0.421;
  state.step.consumed_samples = 960;
  state.step.consumed_tokens = 983040;
  state.step.loss_scale = 65536;
  state.step.skipped_steps = 2;
  state.step.remaining_seconds = 972;
  state.step_time = 1.7e9;
  state.validation_loss = 2.75;
  state.process.memory[0] = {1000, 2000};
  state.process.traffic.push_back({Verb::all_reduce, Axis::data, "gradients", 12, 4096, 0.25, 0.125});
  state.process.traffic.push_back({Verb::all_reduce, Axis::data, "a \"b\"", 1, 8, 0.5, 0});
  state.process.checkpoints = 1;
  state.process.checkpoint_bytes = 1 << 20;
  state.process.checkpoint_seconds = 1.5;
  state.process.checkpoint_pause_seconds = 0.25;
  state.process.checkpoint_failures = 3;
  return state;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool has_line(const std::string& text, const std::string& line) {
  for (const std::string& each : lines_of(text)) {
    if (each == line) return true;
  }
  return false;
}

TEST(PrometheusText, HasEveryValue) {
  const std::string text = prometheus_text(state_of_a_run());
  for (const char* line : {
           "# HELP kumiko_loss Mean cross entropy of the newest step, in nats a token.",
           "# TYPE kumiko_loss gauge",
           "kumiko_loss 2.5",
           "kumiko_step 120",
           "kumiko_train_iters 2000",
           "kumiko_learning_rate 0.0003",
           "kumiko_gradient_norm NaN",
           "kumiko_loss_scale 65536",
           "kumiko_validation_loss 2.75",
           "kumiko_mfu_ratio 0.421",
           "kumiko_tokens_per_second 16384",
           "kumiko_model_flops_per_second 512000000000",
           "# TYPE kumiko_consumed_tokens_total counter",
           "kumiko_consumed_tokens_total 983040",
           "kumiko_memory_bytes{purpose=\"parameters\"} 1000",
           "kumiko_memory_peak_bytes{purpose=\"parameters\"} 2000",
           "# TYPE kumiko_communication_bytes_total counter",
           "kumiko_communication_bytes_total{verb=\"all_reduce\",axis=\"data\",purpose=\"gradients\"} 4096",
           "kumiko_communication_exposed_seconds_total{verb=\"all_reduce\",axis=\"data\",purpose=\"gradients\"} 0.125",
           "kumiko_communication_bytes_total{verb=\"all_reduce\",axis=\"data\",purpose=\"a \\\"b\\\"\"} 8",
           "kumiko_checkpoint_seconds_total 1.5",
           "kumiko_checkpoint_pause_seconds_total 0.25",
           "kumiko_checkpoint_failures_total 3",
           "kumiko_checkpoint_bytes_total 1048576",
           "kumiko_last_step_timestamp_seconds 1700000000",
       }) {
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
  }
  EXPECT_EQ(text.back(), '\n');
}

// The rules that a scraper refuses a text for.
TEST(PrometheusText, TellsOfEachMetricOnceBeforeItsSamples) {
  std::set<std::string> told;
  std::set<std::string> samples;
  std::string name;
  for (const std::string& line : lines_of(prometheus_text(state_of_a_run()))) {
    if (line.starts_with("# HELP ")) {
      name = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(told.insert(name).second) << name;
    } else if (line.starts_with("# TYPE ")) {
      EXPECT_EQ(line.substr(7, line.find(' ', 7) - 7), name);
      EXPECT_EQ(line.ends_with("counter"), name.ends_with("_total")) << name;
    } else {
      EXPECT_EQ(line.substr(0, line.find_first_of("{ ")), name);
      EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
  }
  EXPECT_GT(told.size(), 20u);
}

TEST(PrometheusText, BeforeTheFirstStepTellsOnlyWhatProgramThisIs) {
  const std::vector<std::string> lines = lines_of(prometheus_text({}));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[2].starts_with("kumiko_build_info{version=\"")) << lines[2];
}

TEST(PrometheusFile, IsAlwaysWholeAndEndsWithTheNewestStep) {
  const std::filesystem::path path = testing::TempDir() + "prometheus_test.prom";
  std::filesystem::remove(path);
  {
    PrometheusFile file(path);
    EXPECT_TRUE(read_text_file(path).ends_with("} 1\n"));  // from the start
    for (int64_t step = 1; step <= 3; ++step) {
      StepMetrics metrics;
      metrics.step = step;
      if (step == 2) metrics.validation_loss = 2.75;
      file.write_process({});
      file.write(metrics);
    }
  }
  const std::string text = read_text_file(path);
  EXPECT_TRUE(has_line(text, "kumiko_step 3"));
  EXPECT_TRUE(has_line(text, "kumiko_validation_loss 2.75"));  // of the newest validation
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".tmp"));
}

TEST(PrometheusFile, ThatVanishesEndsNoRun) {
  const std::filesystem::path folder = testing::TempDir() + "prometheus_gone";
  std::filesystem::create_directories(folder);
  GuardedSink file("logging.prometheus_file", "",
                   [folder] { return std::make_unique<PrometheusFile>(folder / "kumiko.prom"); });
  std::filesystem::remove_all(folder);
  StepMetrics metrics;
  metrics.step = 7;
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // it is written at most once a second
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) file.write(metrics);
  std::filesystem::create_directories(folder);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  for (int i = 0; i < 3; ++i) file.write(metrics);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "warning: logging.prometheus_file: cannot write " + (folder / "kumiko.prom.tmp").string() +
                ": No such file or directory; the run goes on without it, and tries again\n"
                "warning: logging.prometheus_file is written again\n");
  EXPECT_TRUE(has_line(read_text_file(folder / "kumiko.prom"), "kumiko_step 7"));
}

TEST(PrometheusFile, SaysWhereItCannotBeWritten) {
  try {
    PrometheusFile file("/nonexistent/kumiko.prom");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    EXPECT_EQ(std::string(error.what()), "cannot write /nonexistent/kumiko.prom.tmp: No such file or directory");
  }
}

}  // namespace
}  // namespace kumiko
