// A tiny model, saved as a training run would save it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "kumiko/checkpoint/writer.h"
#include "kumiko/comm/self.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko::test {

// What a saved model has that is not as usual: the values of a parameter, its record.
struct SavedModel {
  std::function<void(const Parameter& parameter)> change;  // may be empty: random weights
  std::function<void(std::string& config)> change_config;  // of the record, TOML
};

// Over bytes. By one rank, into `root`.
inline void save_model(const ModelOptions& options, const std::filesystem::path& root, const SavedModel& saved = {}) {
  const auto pool = MemoryPool::create();
  Model model(options);
  model.parameters().allocate_values(*pool, DType::f32);
  model.parameters().initialize(1234);
  for (const auto& parameter : model.parameters().all()) {
    if (saved.change) saved.change(*parameter);
  }
  Config config;
  config.model = options;
  config.data.tokenizer = "bytes";
  const auto self = connect_self_world();
  const int64_t alone[] = {0};
  const auto ranks = self->communicator(Axis::all, alone);
  RunRecord record;
  record.config = config.to_toml();
  if (saved.change_config) saved.change_config(record.config);
  CheckpointWriter(*ranks, {root, 0, {}}).save(0, to_json(record), pieces_of(model.parameters()));
}

}  // namespace kumiko::test
