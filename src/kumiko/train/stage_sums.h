// What the stages of a pipeline tell one another of a step at its end, as a table with a row for each rank: the sums
// over all of them follow from it on every rank alike, with the bits of an all-reduce.
#pragma once

#include <vector>

#include "kumiko/base/exact_sum.h"
#include "kumiko/tensor/tensor.h"

namespace kumiko {

// Of one rank of the pipeline axis, summed over the other axes; or of several.
struct StageSums {
  double loss = 0;
  double squares = 0;      // of the gradient
  double stop_wishes = 0;  // ranks that wish to stop
};
// The first two before they are rounded, in the reproducible mode.
struct ExactStageSums {
  ExactSum loss;
  ExactSum squares;
};

class StageTable {
 public:
  // Of zeros. `exact`: with ExactStageSums.
  StageTable(MemoryPool& pool, int num_ranks, bool exact);

  // i64, what is sent.
  const Tensor& tensor() const { return rows_; }
  void put(int rank, const StageSums& sums, const ExactStageSums& exact_sums);

  // Of the ranks before `end`, one after another: what the sums over all are at least, but for rounding.
  StageSums before(int end) const;
  // Of all: the bits of all_reduce, or the exact sums rounded once.
  StageSums total() const;

 private:
  int64_t* row(int rank) const;
  StageSums sums(int rank) const;

  int num_ranks_;
  bool exact_;
  Tensor rows_;
};

}  // namespace kumiko
