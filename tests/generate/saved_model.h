// A tiny model with random weights, saved as a training run would save it.
#pragma once

#include <filesystem>

#include "kumiko/checkpoint/writer.h"
#include "kumiko/comm/self.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko::test {

// Over bytes. By one rank, into `root`.
inline void save_model(const ModelOptions& options, const std::filesystem::path& root) {
  const auto pool = MemoryPool::create();
  Model model(options);
  model.parameters().allocate_values(*pool, DType::f32);
  model.parameters().initialize(1234);
  Config config;
  config.model = options;
  config.data.tokenizer = "bytes";
  const auto self = connect_self_world();
  const int64_t alone[] = {0};
  const auto ranks = self->communicator(Axis::all, alone);
  RunRecord record;
  record.config = config.to_toml();
  CheckpointWriter(*ranks, {root, 0, {}}).save(0, to_json(record), pieces_of(model.parameters()));
}

}  // namespace kumiko::test
