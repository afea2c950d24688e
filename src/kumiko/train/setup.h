// From a configuration to everything that a training loop needs, with every size checked before anything starts.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kumiko/checkpoint/background_writer.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/data/sample_source.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/model/memory.h"
#include "kumiko/parallel/data_axis.h"
#include "kumiko/parallel/pipeline.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/config.h"
#include "kumiko/train/flops.h"
#include "kumiko/train/rank_placement.h"
#include "kumiko/train/run_start.h"
#include "kumiko/train/step.h"
#include "kumiko/train/validated_step.h"

namespace kumiko {

struct Run {
  Config config;  // resolved: sizes and lengths that were left open are filled in
  World& world;
  Mesh mesh;
  std::unique_ptr<Communicator> everyone;
  DataCommunicators data;
  std::unique_ptr<Communicator> tensor;  // none if each rank has the whole of each layer
  std::unique_ptr<Pipeline> pipeline;    // none if each rank has all layers
  std::shared_ptr<MemoryPool> pool;
  std::unique_ptr<Kernels> kernels;
  std::unique_ptr<SampleSource> train_samples;
  std::unique_ptr<SampleSource> valid_samples;  // none if there is no validation
  BatchLayout layout;
  DocumentMask documents;
  TrainingState state;
  RunStart start;                               // where it continues; with the locks, which outlive the writer
  std::unique_ptr<Communicator> savers;         // all ranks, for the writer alone
  std::unique_ptr<BackgroundWriter> writer;     // none if nothing is saved
  std::string resumed_from;                     // empty: from the beginning
  PlacedRank placed;                            // where each rank computes
  std::unique_ptr<ValidatedSteps> validated{};  // none if each step waits for all stages
  int64_t checkpoint_copy = 0;                  // bytes set aside for the copy of an asynchronous save

  int64_t consumed_samples() const { return state.step * layout.global_batch_size; }
  int64_t consumed_tokens() const { return state.step * layout.tokens_per_step(); }
  ModelShape shape() const { return ModelShape::of(config.model, layout.seq_length); }
  TensorParallel tensor_parallel() const { return state.model.parameters().tensor_parallel(); }
  // Of this rank's step, but for the kernels' own scratch.
  StepMemory predicted_memory() const;
  StepContext context(RegionTimer* timer) const;
  StepSettings step_settings() const;
  // Where metrics go; empty if nowhere.
  std::string run_directory() const;

 private:
  StepMemoryShape memory_shape() const;
};

// What a run takes as it is instead of making it: a benchmark reads no files, and places its ranks once for many runs.
struct GivenParts {
  std::unique_ptr<SampleSource> train_samples;
  std::optional<PlacedRank> placed;
};

// Collective. User error if a size does not divide, a file is missing or does not fit, or ranks disagree.
// Memory comes from `pool`.
Run set_up(Config config, World& world, std::shared_ptr<MemoryPool> pool, GivenParts given = {});

}  // namespace kumiko
