// Runs the program on a tiny model and corpus, and reads what it wrote.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/subprocess.h"

namespace kumiko::test {

struct LoggedStep {
  int64_t step = 0;
  double loss = 0;
  double gradient_norm = 0;
  bool skipped = false;
  friend bool operator==(const LoggedStep&, const LoggedStep&) = default;
};

// A fresh directory with a dataset of words made up from `seed`, and a configuration of a tiny GPT over it.
class TinyRun {
 public:
  explicit TinyRun(const std::string& name);
  ~TinyRun();  // removes it
  TinyRun(const TinyRun&) = delete;
  TinyRun& operator=(const TinyRun&) = delete;

  const std::filesystem::path& directory() const { return directory_; }
  std::string path(const std::string& name) const { return (directory_ / name).string(); }

  // Trains with `options` ("section.key", value) over the tiny configuration; `environment` as NAME=VALUE.
  Finished train(int ranks, const std::vector<std::string>& options,
                 const std::vector<std::string>& environment = {}) const;
  // Any other subcommand.
  Finished run(const std::vector<std::string>& arguments) const;

  // The lines of a file of JSON objects.
  std::vector<nlohmann::json> lines(const std::string& name) const;
  // The lines of metrics.jsonl in the run directory `name`.
  std::vector<LoggedStep> steps(const std::string& name) const;

 private:
  std::filesystem::path directory_;
};

// Where the weights of the two latest checkpoints (roots) differ; "" if no bit does.
std::string difference(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace kumiko::test
