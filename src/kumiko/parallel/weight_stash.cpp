#include "kumiko/parallel/weight_stash.h"

#include "kumiko/base/error.h"

namespace kumiko {

WeightStash::WeightStash(Model& model, ParameterStorage& storage, Kernels& kernels, const RankProgram& program)
    : model_(model), storage_(storage), kernels_(kernels) {
  for (size_t action = 0; action < program.actions.size(); ++action) {
    last_reads_[program.actions[action].weight_version] = action;
  }
}

WeightStash::~WeightStash() { place(newest_); }

void WeightStash::put(const std::vector<Tensor>* weights) {
  for (int unit = 0; unit < storage_.parameters().num_units(); ++unit) {
    storage_.parameters().place_values(
        unit, weights != nullptr ? (*weights)[static_cast<size_t>(unit)] : storage_.weights(unit));
  }
  model_.prepare(kernels_);
}

void WeightStash::place(int version) {
  if (version == placed_) return;
  if (version != newest_ && !kept_.contains(version)) {
    throw_internal("version {} of the weights is not there: the newest is {}", version, newest_);
  }
  put(version == newest_ ? nullptr : &kept_.at(version));
  placed_ = version;
}

void WeightStash::before_update(size_t action) {
  const auto last = last_reads_.find(newest_);
  if (last == last_reads_.end() || last->second <= action) return;
  std::vector<Tensor>& copies = kept_[newest_];
  for (int unit = 0; unit < storage_.parameters().num_units(); ++unit) {
    copies.push_back(storage_.make_whole(unit, MemoryPurpose::parameters));
    copy(storage_.weights(unit), copies.back());
  }
}

void WeightStash::after_update(size_t action) {
  ++newest_;
  std::erase_if(kept_, [&](const auto& entry) { return last_reads_.at(entry.first) <= action; });
  put(nullptr);
  placed_ = newest_;
}

}  // namespace kumiko
