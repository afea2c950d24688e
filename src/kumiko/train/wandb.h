// Weights & Biases: an offline run, as its client leaves one where there is no network; `wandb sync FOLDER` uploads it.
//
// The file is LevelDB's log format (blocks of 32 KiB, records in fragments with a CRC) with protocol buffer messages of
// wandb_internal.proto, of which this writes: header, run, history, summary, exit.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kumiko/base/append_file.h"
#include "kumiko/base/options.h"
#include "kumiko/train/metrics.h"

namespace kumiko {

// Puts whole records into blocks.
class LevelDbLog {
 public:
  // What a .wandb file begins with; the log counts its bytes as part of the first block.
  std::string file_header();
  // `record` in fragments, to be appended.
  std::string record(std::string_view record);

 private:
  size_t position_ = 0;  // in the file
};

struct WandbRun {
  std::string id;  // 8 letters and digits
  std::string project;
  std::string name;                                         // empty: the server makes one up
  std::string group;                                        // that the runs of one training stand in; empty: none
  double start = 0;                                         // seconds since 1970
  std::vector<std::pair<std::string, std::string>> config;  // option, value as JSON
};

// "section.key" and its value as JSON: numbers and truth values as such.
std::vector<std::pair<std::string, std::string>> wandb_config(const OptionTable& table);

class WandbSink : public MetricsSink {
 public:
  // A new run in a new folder `directory`/offline-run-TIME-ID. Each start of a training is a run of its own, since an
  // offline run cannot be continued; they stand in one group.
  WandbSink(const std::filesystem::path& directory, WandbRun run);
  // Says that the run is over, and whether it was by an exception.
  ~WandbSink() override;
  void write(const StepMetrics& metrics) override;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  void append(const std::vector<std::string>& messages);

  WandbRun run_;
  std::filesystem::path folder_;
  LevelDbLog log_;
  int64_t num_records_ = 0;
  int exceptions_at_start_;
  std::optional<AppendFile> file_;
};

// An id for a new run, and the present time.
WandbRun new_wandb_run(std::string project, std::string name);

}  // namespace kumiko
