#include "kumiko/schedule/weight_versions.h"

#include <fmt/core.h>

#include <algorithm>

#include "kumiko/schedule/dependencies.h"

namespace kumiko {

WeightVersions::WeightVersions(const Schedule& schedule, size_t num_slots)
    : num_micro_batches_(schedule.num_micro_batches()), group_size_(schedule.micro_batches_per_update) {
  if (group_size_ == 0) return;
  num_groups_ = (num_micro_batches_ + group_size_ - 1) / group_size_;
  read_by_forward_.resize(num_slots * static_cast<size_t>(num_micro_batches_));
  updates_.resize(num_slots);
  for (size_t slot = 0; slot < num_slots; ++slot) {
    missing_.insert(missing_.end(), static_cast<size_t>(num_groups_), group_size_);
    missing_.back() = num_micro_batches_ - (num_groups_ - 1) * group_size_;
  }
}

std::string WeightVersions::run(const Action& action, size_t slot) {
  if (action.weight_version < 0) return "version numbers begin with 0";
  const int32_t updates = group_size_ == 0 ? 0 : updates_[slot];
  if (action.weight_version > updates)
    return fmt::format("these weights do not exist yet: version {} is the newest", updates);
  if (group_size_ == 0) return {};
  int32_t& read =
      read_by_forward_[slot * static_cast<size_t>(num_micro_batches_) + static_cast<size_t>(action.micro_batch)];
  if (action.kind == ActionKind::forward) read = action.weight_version;
  if (action.weight_version != read) return fmt::format("its F read version {}", read);
  reads_.push_back({slot, action.weight_version, false});
  return makes_weight_gradient(action.kind) ? complete(action, slot) : std::string();
}

std::string WeightVersions::complete(const Action& action, size_t slot) {
  const int32_t group = action.micro_batch / group_size_;
  if (--missing_[slot * static_cast<size_t>(num_groups_) + static_cast<size_t>(group)] > 0) return {};
  if (group != updates_[slot])
    return fmt::format("it completes update {}, but update {} is the next", group + 1, updates_[slot] + 1);
  ++updates_[slot];
  reads_.back().updates = true;
  return {};
}

int WeightVersions::most() const {
  if (group_size_ == 0) return 1;
  const auto versions_per_slot = static_cast<size_t>(num_groups_) + 1;
  const auto at = [&](size_t slot, int32_t version) { return slot * versions_per_slot + static_cast<size_t>(version); };
  std::vector<size_t> last_read(updates_.size() * versions_per_slot);
  for (size_t i = 0; i < reads_.size(); ++i) last_read[at(reads_[i].slot, reads_[i].version)] = i;
  std::vector<int32_t> newest(updates_.size());
  std::vector<int> kept(updates_.size(), 1);
  int most = 1;
  for (size_t i = 0; i < reads_.size(); ++i) {
    const auto [slot, version, updates] = reads_[i];
    if (version != newest[slot] && last_read[at(slot, version)] == i) --kept[slot];
    if (!updates) continue;
    if (last_read[at(slot, newest[slot])] > i) ++kept[slot];
    ++newest[slot];
    most = std::max(most, kept[slot]);
  }
  return most;
}

}  // namespace kumiko
