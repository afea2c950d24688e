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

class WeightVersions {
 public:
  // Of whole weights. The newest are version 0. All must outlive it; it leaves the newest in place.
  WeightVersions(Model& model, ParameterStorage& storage, Kernels& kernels, const RankProgram& program);
  ~WeightVersions();
  WeightVersions(const WeightVersions&) = delete;
  WeightVersions& operator=(const WeightVersions&) = delete;

  // Visits from here on read this version.
  void place(int version);
  // The newest weights are about to change, behind the action of this index: keeps a copy if a later one reads them.
  void before_update(size_t action);
  // They have changed: a new version is there.
  void after_update(size_t action);
  // How many there are, the newest among them.
  int count() const { return static_cast<int>(kept_.size()) + 1; }

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
