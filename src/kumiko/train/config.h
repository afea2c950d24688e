// A run's whole configuration: a TOML file with sections, each option overridable on the command line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "kumiko/data/data_options.h"
#include "kumiko/model/options.h"
#include "kumiko/optim/options.h"
#include "kumiko/train/options.h"

namespace kumiko {

struct Config {
  ModelOptions model;
  DataOptions data;
  TrainOptions train;
  OptimizerOptions optimizer;
  ParallelOptions parallel;
  CheckpointingOptions checkpoint;
  LoggingOptions logging;

  // A table over this object's fields.
  OptionTable table();
  // The options as TOML that load_config reads back.
  std::string to_toml();
  // Each section by itself; what depends on the tokenizer and the ranks is resolved by the training loop.
  void validate() const;
};

using Overrides = std::vector<std::pair<std::string, std::string>>;  // "section.key", text

// Reads `path` (or nothing, if empty), then applies the overrides. A preset is applied first, so that every other
// option overrides it wherever it stands. User error naming file, line and option for what is unknown or does not
// parse.
Config load_config(const std::string& path, const Overrides& overrides);
// The same from the text of a file; `origin` is what messages call it.
Config parse_config(const std::string& text, const std::string& origin, const Overrides& overrides = {});

// Arguments of the form --section.key value and --section.key=value. User error for anything else.
Overrides parse_overrides(const std::vector<std::string>& arguments);

}  // namespace kumiko
