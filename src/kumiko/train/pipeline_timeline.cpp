#include "kumiko/train/pipeline_timeline.h"

#include <nlohmann/json.hpp>

#include "kumiko/base/json_text.h"
#include "kumiko/comm/agreement.h"

namespace kumiko {

std::vector<std::vector<ActionRecord>> gather_records(const std::vector<ActionRecord>& own, Communicator& axis) {
  nlohmann::json json = nlohmann::json::array();
  for (const ActionRecord& record : own) {
    json.push_back({record.time.begin, record.time.end, record.held, record.in_flight});
  }
  std::vector<std::vector<ActionRecord>> records;
  for (const std::string& text : gather_text(axis, json.dump())) {
    records.emplace_back();
    for (const auto& one : parse_json(text, "times of the actions of a rank")) {
      records.back().push_back({{one[0], one[1]}, one[2], one[3]});
    }
  }
  return records;
}

TimelineFile timeline_of(const Pipeline& pipeline, const std::vector<std::vector<ActionRecord>>& records) {
  Timeline timeline{pipeline.schedule.name + ", measured", pipeline.schedule, {}};
  for (const std::vector<ActionRecord>& rank : records) {
    timeline.times.emplace_back();
    for (const ActionRecord& record : rank) {
      timeline.times.back().push_back({1e3 * record.time.begin, 1e3 * record.time.end});
    }
  }
  return {pipeline.request, from_zero(std::move(timeline)), "ms"};
}

}  // namespace kumiko
