#include "kumiko/train/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

std::filesystem::path fresh_path(const std::string& name) {
  std::filesystem::path path = testing::TempDir() + name;
  std::filesystem::remove(path);
  return path;
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  OutputFile file(path);
  file.write(text);
  file.finish();
}

StepMetrics at_step(int64_t step) {
  StepMetrics metrics;
  metrics.step = step;
  metrics.total_steps = 100;
  metrics.loss = 2.5;
  return metrics;
}

TEST(JsonLines, HoldEveryValue) {
  const auto path = fresh_path("metrics_values.jsonl");
  StepMetrics metrics = at_step(7);
  metrics.learning_rate = 3e-4;
  metrics.gradient_norm = NAN;
  metrics.step_seconds = 0.5;
  metrics.tokens_per_second = 8192;
  metrics.flops_per_second = 2.5e12;
  metrics.utilization = 0.25;
  metrics.memory_bytes = 1 << 20;
  metrics.consumed_samples = 28;
  metrics.consumed_tokens = 28672;
  metrics.skipped = true;
  metrics.validation_loss = 2.75;
  JsonLinesSink(path, 1).write(metrics);
  EXPECT_EQ(read_text_file(path),
            "{\"step\":7,\"total_steps\":100,\"loss\":2.5,\"learning_rate\":0.0003,\"gradient_norm\":null,"
            "\"step_seconds\":0.5,\"tokens_per_second\":8192.0,\"tflops_per_second_per_device\":2.5,\"mfu\":0.25,"
            "\"memory_bytes\":1048576,\"consumed_samples\":28,\"consumed_tokens\":28672,\"skipped\":true,"
            "\"validation_loss\":2.75}\n");
}

TEST(JsonLines, OfAResumedRunDoNotDouble) {
  const auto path = fresh_path("metrics_resumed.jsonl");
  std::string kept;
  {
    JsonLinesSink sink(path, 1);
    for (int64_t step = 1; step <= 5; ++step) {
      if (step == 4) kept = read_text_file(path);
      sink.write(at_step(step));
    }
  }
  JsonLinesSink sink(path, 4);  // the checkpoint was of step 3
  EXPECT_EQ(read_text_file(path), kept);
  sink.write(at_step(4));
  EXPECT_EQ(read_text_file(path).substr(0, kept.size() + 9), kept + "{\"step\":4");
}

TEST(CheckpointLog, TellsOfEverySaveAndOfEachStepOnce) {
  const auto path = fresh_path("checkpoints.jsonl");
  SaveResult saved;
  saved.step = 20;
  saved.report = {"run/step-0000020", 1.5, {100, 200}};
  saved.behind = true;
  SaveResult failed;
  failed.step = 30;
  failed.error = Error(ErrorKind::environment, "the disk is full");
  CheckpointLog(path, 1).write(saved, {0.25, 0.125});
  const std::string first =
      "{\"step\":20,\"pause_seconds\":0.25,\"wait_seconds\":0.125,\"behind\":true,"
      "\"path\":\"run/step-0000020\",\"write_seconds\":1.5,\"rank_bytes\":[100,200]}\n";
  EXPECT_EQ(read_text_file(path), first);
  CheckpointLog(path, 21).write(failed, {});
  const std::string second =
      "{\"step\":30,\"pause_seconds\":0.0,\"wait_seconds\":0.0,\"behind\":false,\"error\":\"the disk is full\"}\n";
  EXPECT_EQ(read_text_file(path), first + second);
  CheckpointLog(path, 30).write(saved, {});  // resumed from step 29
  EXPECT_TRUE(read_text_file(path).starts_with(first + "{\"step\":20,"));
}

// What crashes, full disks and editors leave in such a file.
TEST(JsonLines, KeepLinesAsideThatCannotBeRead) {
  const auto path = fresh_path("metrics_bad.jsonl");
  const std::filesystem::path aside = path.string() + ".bad";
  using namespace std::string_literals;
  for (const std::string& line : {"not json\n"s, "\n"s, "{\"loss\":1}\n"s, "[1]\n"s, "{\"step\":1.5}\n"s,
                                  "{\"step\":1e999}\n"s, std::string(512, '\0') + "\n", "\x80\xff\n"s,
                                  "{\"step\":2,\"lo{\"step\":2}\n"s, std::string(100'000, '[') + "\n"}) {
    std::filesystem::remove(aside);
    write_text(path, "{\"step\":1}\n" + line + "{\"step\":3}\n{\"step\":4}\n");
    testing::internal::CaptureStderr();
    { JsonLinesSink sink(path, 4); }
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "warning: " + path.string() +
                  ": 1 line could not be read as JSON objects with a step (line 2), as a crash "
                  "or a full disk leaves them; moved to " +
                  aside.string() + "\n");
    EXPECT_EQ(read_text_file(path), "{\"step\":1}\n{\"step\":3}\n");
    EXPECT_EQ(read_text_file(aside), line);
  }
}

TEST(JsonLines, KeepALastLineAsideThatWasCutShort) {
  const auto path = fresh_path("metrics_cut.jsonl");
  const auto aside = fresh_path("metrics_cut.jsonl.bad");
  write_text(path, "{\"step\":1}\n{\"step\":2,\"los");
  write_text(aside, "what was there\n");
  testing::internal::CaptureStderr();
  { JsonLinesSink sink(path, 3); }
  EXPECT_NE(testing::internal::GetCapturedStderr().find("1 line could not be read"), std::string::npos);
  EXPECT_EQ(read_text_file(path), "{\"step\":1}\n");
  EXPECT_EQ(read_text_file(aside), "what was there\n{\"step\":2,\"los\n");
}

}  // namespace
}  // namespace kumiko
