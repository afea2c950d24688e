// Which units of a model a rank of a pipeline has. The units of a whole model are counted from the embedding, 0, over
// block i, 1 + i, to the head.
#pragma once

#include <vector>

#include "kumiko/model/options.h"
#include "kumiko/model/tensor_parallel.h"

namespace kumiko {

inline int64_t num_model_units(const ModelOptions& options) { return options.num_layers + 2; }

struct HeldStage {
  int stage = 0;        // of the pipeline
  IndexRange units;     // of the whole model
  bool primary = true;  // the first rank that holds it: there its parameters are counted and saved
};

struct PipelinePart {
  std::vector<HeldStage> stages;  // ascending; none: the whole model is one stage
};

// One of a model's stages: units [begin, end) of those of this rank.
struct ModelStage {
  int stage = 0;
  int begin = 0;
  int end = 0;
};

}  // namespace kumiko
