// Which visits a pass makes, and what parameters each of them touches: the plan that weights and gradients come and go
// by.
#include "kumiko/model/model.h"

namespace kumiko {

std::vector<BlockSpan> Model::spans_of(const ModelStage& stage, const RecomputeOptions& recompute) const {
  const int begin = stage.begin + (is_embedding(stage.begin) ? 1 : 0);
  const int end = stage.end - (is_head(stage.end - 1) ? 1 : 0);
  std::vector<BlockSpan> spans = block_spans(recompute, end - begin);
  for (BlockSpan& span : spans) {
    span.begin += begin;
    span.end += begin;
  }
  return spans;
}

std::vector<UnitVisit> Model::forward_visits(const ModelStage& stage) const {
  std::vector<UnitVisit> visits;
  for (int unit = stage.begin; unit < stage.end; ++unit) visits.push_back({unit, Direction::forward});
  return visits;
}

std::vector<UnitVisit> Model::backward_visits(const ModelStage& stage, const RecomputeOptions& recompute,
                                              Direction direction) const {
  std::vector<UnitVisit> visits;
  const auto add = [&](int64_t unit, Direction way) { visits.push_back({static_cast<int>(unit), way}); };
  const std::vector<BlockSpan> spans = spans_of(stage, recompute);
  if (is_head(stage.end - 1)) add(stage.end - 1, direction);
  for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
    for (int64_t block = span->begin; span->recomputed && block < span->end; ++block) add(block, Direction::forward);
    for (int64_t block = span->end - 1; block >= span->begin; --block) add(block, direction);
  }
  if (is_embedding(stage.begin)) add(stage.begin, direction);
  return visits;
}

std::vector<UnitVisit> Model::weight_visits(const ModelStage& stage) const {
  std::vector<UnitVisit> visits;
  for (int unit = stage.end - 1; unit >= stage.begin; --unit) {
    if (!is_head(unit)) visits.push_back({unit, Direction::weight_gradient});
  }
  return visits;
}

std::vector<UnitVisit> Model::training_visits(const RecomputeOptions& recompute) const {
  std::vector<UnitVisit> visits = forward_visits();
  const std::vector<UnitVisit> more = backward_visits(stages_.at(0), recompute, Direction::backward);
  visits.insert(visits.end(), more.begin(), more.end());
  return visits;
}

// The head does all its work in the forward. The embedding reads weights there alone; a weight gradient, the scale of
// the norms in front of the products.
std::vector<int> Model::weights_read(const UnitVisit& visit) const {
  const bool forward = visit.direction == Direction::forward;
  if (!forward && (is_embedding(visit.unit) || is_head(visit.unit))) return {};
  std::vector<int> units = parameter_units_[static_cast<size_t>(visit.unit)];
  if (is_head(visit.unit) && head_table_unit_ >= 0) units.insert(units.begin(), head_table_unit_);
  return units;
}

bool Model::reads_prepared(const UnitVisit& visit) const {
  if (is_embedding(visit.unit) || visit.direction == Direction::weight_gradient) return false;
  return !is_head(visit.unit) || visit.direction == Direction::forward;
}

std::vector<int> Model::gradients_added(const UnitVisit& visit) const {
  if (is_head(visit.unit)) return weights_read(visit);
  const bool adds = visit.direction == Direction::backward || visit.direction == Direction::weight_gradient;
  return adds ? parameter_units_[static_cast<size_t>(visit.unit)] : std::vector<int>{};
}

std::vector<int> Model::gradients_completed(const UnitVisit& visit) const {
  std::vector<int> units = gradients_added(visit);
  if (is_head(visit.unit) && has_embedding() && head_table_unit_ == embedding_table_unit()) {
    std::erase(units, head_table_unit_);
  }
  return units;
}

}  // namespace kumiko
