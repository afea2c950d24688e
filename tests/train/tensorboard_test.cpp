#include "kumiko/train/tensorboard.h"

#include <gtest/gtest.h>

#include <string>

#include "kumiko/base/file.h"

namespace kumiko {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

// The check value of the CRC catalogue, and of RFC 3720 B.4: 32 zeros, 32 ones.
TEST(Crc32c, HasThePublishedValues) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(Event, HasTheBytesOfTensorBoardsOwnWriter) {
  EXPECT_EQ(hex(event_file_version(1.0)),
            "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a");
  EXPECT_EQ(hex(event_scalars(1.0, 1, {{"loss", 0.5f}})),
            "1a00000000000000129bd82d09000000000000f03f10012a0d0a0b0a046c6f7373150000003f27f95db1");
}

// Made by tests/reference/tensorboard_events.py with the tensorboard package: long lengths and steps of several bytes.
TEST(Event, EncodesLongFields) {
  const std::string tag(200, 't');
  const std::string made = hex(event_scalars(1700000000.25, 1234567890123, {{tag, -1.5f}, {"b", 0.0f}}));
  EXPECT_EQ(made, read_text_file(KUMIKO_FIXTURES "/tensorboard/long_event.hex"));
  EXPECT_EQ(hex(event_run_start(1700000000.25, 128)), read_text_file(KUMIKO_FIXTURES "/tensorboard/run_start.hex"));
}

TEST(TensorBoardSink, WritesANewFileForEachStart) {
  const std::filesystem::path directory = testing::TempDir() + "tensorboard_test";
  std::filesystem::remove_all(directory);
  TensorBoardSink first(directory, 1);
  TensorBoardSink second(directory, 5);
  EXPECT_NE(first.path(), second.path());
  EXPECT_EQ(first.path().filename().string().rfind("events.out.tfevents.", 0), 0u);
  const size_t opening = std::filesystem::file_size(first.path());
  StepMetrics metrics;
  metrics.step = 1;
  first.write(metrics);
  EXPECT_GT(std::filesystem::file_size(first.path()), opening);  // at once, without closing
}

}  // namespace
}  // namespace kumiko
