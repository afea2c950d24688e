// Who writes what in a save: a pure function of what each rank holds, checked for thousands of ranks in one process.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kumiko/checkpoint/manifest.h"

namespace kumiko {

// What a rank can write: one box of a tensor, without the elements.
struct PieceInfo {
  std::string name;
  Shape global_shape;
  DType dtype = DType::f32;
  TensorRole role = TensorRole::parameter;
  Box box;
};

// What all ranks hold. Ranks with equal lists (data-parallel replicas) share one.
struct Holdings {
  std::vector<std::vector<PieceInfo>> lists;
  std::vector<size_t> list_of_rank;  // by rank: an index into `lists`
};

struct PlanOptions {
  // Boxes are cut into chunks of at most so many bytes: a chunk has one checksum, so it is what a reader must read to
  // check one element.
  size_t max_chunk_bytes = size_t{64} << 20;
  // Boxes that several ranks hold are cut finer where that lets them share the work, but not below this.
  size_t min_chunk_bytes = size_t{1} << 20;
};

struct PlannedWrite {
  size_t piece = 0;  // index into the rank's list
  Box box;           // the part of the piece to be written, one contiguous run of it
};

struct WritePlan {
  std::vector<std::vector<PlannedWrite>> writes;  // by rank
  std::vector<size_t> bytes;                      // by rank
};

// Every element is written exactly once, by a rank that holds it; boxes held by several ranks go, largest first, to the
// least loaded of them (Graham 1969, LPT), so that all ranks write at the same time and about as long. Internal error
// if the boxes of a tensor overlap without being equal, leave elements out, or disagree about its shape.
WritePlan plan_writes(const Holdings& holdings, const PlanOptions& options);

}  // namespace kumiko
