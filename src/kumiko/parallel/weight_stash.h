// The weights of this rank's stage as they were some updates ago, for as long as actions still read them (Harlap et al.
// 2018, "PipeDream", section 3.3, weight stashing). The newest are where the optimizer updates them.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "kumiko/model/model.h"
#include "kumiko/parallel/parameter_storage.h"
#include "kumiko/schedule/lower.h"

namespace kumiko {

class WeightStash {
 public:
  // Of whole weights. The newest are version 0. All must outlive it; it leaves the newest in place.
  WeightStash(Model& model, ParameterStorage& storage, Kernels& kernels, const RankProgram& program);
  ~WeightStash();  // NOLINT(bugprone-exception-escape): places weights in memory that it holds
  WeightStash(const WeightStash&) = delete;
  WeightStash& operator=(const WeightStash&) = delete;

  // Visits from here on read this version.
  void place(int version);
  // The newest weights are about to change, behind the action of this index: keeps a copy if a later one reads them.
  void before_update(size_t action);
  // They have changed: a new version is there.
  void after_update(size_t action);

 private:
  void put(const std::vector<Tensor>* weights);

  Model& model_;
  ParameterStorage& storage_;
  Kernels& kernels_;
  std::map<int, size_t> last_reads_;         // of each version: the action
  std::map<int, std::vector<Tensor>> kept_;  // by version: each unit's weights
  int newest_ = 0;
  int placed_ = 0;
};

}  // namespace kumiko
