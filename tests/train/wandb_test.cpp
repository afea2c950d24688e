#include "kumiko/train/wandb.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "kumiko/base/file.h"
#include "kumiko/train/config.h"
#include "kumiko/train/protobuf.h"

namespace kumiko {
namespace {

uint64_t little_endian(std::string_view bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

// The records of a log, as LevelDB's doc/log_format.md describes reading it, with zlib's CRC as the client has it.
std::vector<std::string> records_of(const std::string& file) {
  std::vector<std::string> records;
  std::string record;
  for (size_t position = 7; position < file.size();) {
    const size_t room = 32768 - position % 32768;
    if (room < 7) {
      position += room;
      continue;
    }
    const std::string_view header = std::string_view(file).substr(position, 7);
    const size_t size = little_endian(header.substr(4), 2);
    const std::string body = file.substr(position + 6, size + 1);
    EXPECT_LE(7 + size, room);
    EXPECT_EQ(protobuf::crc32<0xEDB88320u>(body), little_endian(header, 4));
    const int type = static_cast<unsigned char>(header[6]);
    if (type == 1 || type == 2) record.clear();
    record += body.substr(1);
    if (type == 1 || type == 4) records.push_back(record);
    position += 7 + size;
  }
  return records;
}

TEST(Crc32, HasThePublishedValue) { EXPECT_EQ(protobuf::crc32<0xEDB88320u>("123456789"), 0xCBF43926u); }

TEST(LevelDbLog, CutsRecordsAtBlocks) {
  LevelDbLog log;
  std::string file = log.file_header();
  EXPECT_EQ(file, std::string(":W&B\xe1\xbe\0", 7));
  std::vector<std::string> written;
  // Every place at the end of the first block, among them 7, 6 and 0 bytes of room; then records longer than blocks.
  for (const size_t size : {size_t{32768 - 7 - 7 - 40}, size_t{10}, size_t{2}, size_t{0}, size_t{3}, size_t{100'000},
                            size_t{65536}, size_t{1}}) {
    written.emplace_back(size, static_cast<char>('a' + written.size()));
    file += log.record(written.back());
  }
  EXPECT_EQ(records_of(file), written);
}

TEST(LevelDbLog, LeavesNoRoomForPartOfAHeader) {
  for (size_t room = 0; room <= 16; ++room) {
    LevelDbLog log;
    std::string file = log.file_header();
    const std::vector<std::string> written = {std::string(32768 - 7 - 7 - room, 'a'), "bcd", "e"};
    for (const std::string& record : written) file += log.record(record);
    EXPECT_EQ(records_of(file), written) << room;
  }
}

TEST(WandbConfig, HasNumbersAsNumbers) {
  Config config;
  config.data.tokenizer = "a \"b\"";
  config.logging.profile = true;
  const auto options = wandb_config(config.table());
  const std::map<std::string, std::string> values(options.begin(), options.end());
  EXPECT_EQ(values.at("train.seq_length"), "1024");
  EXPECT_EQ(values.at("logging.profile"), "true");
  EXPECT_EQ(values.at("data.tokenizer"), "\"a \\\"b\\\"\"");
}

TEST(WandbSink, WritesARunARecordAStepAndItsEnd) {
  const std::filesystem::path directory = testing::TempDir() + "wandb_test";
  std::filesystem::remove_all(directory);
  std::filesystem::path path;
  {
    WandbRun run = new_wandb_run("project", "name");
    EXPECT_EQ(run.id.size(), 8u);
    run.config = {{"train.seed", "1"}};
    WandbSink sink(directory, run);
    path = sink.folder() / ("run-" + run.id + ".wandb");
    EXPECT_TRUE(sink.folder().filename().string().starts_with("offline-run-"));
    EXPECT_TRUE(sink.folder().string().ends_with("-" + run.id));
    StepMetrics metrics;
    metrics.step = 3;
    metrics.loss = NAN;
    sink.write(metrics);
    EXPECT_EQ(records_of(read_text_file(path)).size(), 4u);  // while the run goes on
  }
  const std::vector<std::string> records = records_of(read_text_file(path));
  ASSERT_EQ(records.size(), 5u);  // header, run, summary, history, exit
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i][0], '\x08');  // num = 1
    EXPECT_EQ(records[i][1], static_cast<char>(i + 1));
  }
  EXPECT_NE(records[1].find("train.seed"), std::string::npos);
  EXPECT_NE(records[3].find("train/loss\x82\x01\x05\"NaN\""), std::string::npos);        // nested_key, value_json
  EXPECT_EQ(records[3].substr(records[3].size() - 4), std::string("\x12\x02\x08\x03"));  // step { num: 3 }
}

}  // namespace
}  // namespace kumiko
