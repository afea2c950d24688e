// A checkpoint as the ranks of another layout would have written it, without those ranks: for a cluster whose ranks
// should each read a file of their own, or for one file in place of many.
#pragma once

#include <filesystem>
#include <string>

#include "kumiko/checkpoint/plan.h"
#include "kumiko/convert/hf_import.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/parallel/pipeline_plan.h"

namespace kumiko {

struct ReshardOptions {
  std::filesystem::path load;  // a checkpoint, or a directory of them, of which the latest is taken
  std::filesystem::path save;  // a directory of checkpoints, to be made: it must not hold anything yet
  int64_t tensor_model_parallel_size = 1;
  PipelineOptions pipeline;
  int64_t data_parallel_size = 1;
  int64_t zero_stage = 0;
  int64_t zero_group_size = 0;  // 0: the data axis
  std::string rank_order = to_string(default_rank_order);
  PlanOptions plan;
};

// Writes the same step with the same tensors, bit by bit, and the same record of the run; beside it the tokenizer and
// what else is kept there. Every byte read is checked against its checksum. In memory it holds one chunk that is read
// and one that is written, whatever the sizes of the model and of its largest tensor. User error, before anything is
// written, if the checkpoint does not hold the model that its record describes, or the model cannot be cut that way;
// after an error nothing stays.
ConversionReport reshard(const ReshardOptions& options);

}  // namespace kumiko
