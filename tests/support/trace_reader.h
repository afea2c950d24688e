// What the tests of traces hold every trace to.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace kumiko::test {

struct ReadSpan {
  int64_t begin = 0;  // nanoseconds
  int64_t end = 0;
  std::string name;
  std::string category;
  nlohmann::json arguments;
};

// The spans of each (pid, tid), in the order of their beginnings, the outer of two first.
using ReadTrace = std::map<std::pair<int64_t, int64_t>, std::vector<ReadSpan>>;

inline ReadTrace spans_of(const nlohmann::json& events) {
  ReadTrace trace;
  for (const auto& event : events) {
    if (event.at("ph") != "X") continue;
    const int64_t begin = std::llround(event.at("ts").get<double>() * 1e3);
    trace[{event.at("pid"), event.at("tid")}].push_back({begin,
                                                         begin + std::llround(event.at("dur").get<double>() * 1e3),
                                                         event.at("name"), event.at("cat"), event.at("args")});
  }
  for (auto& [thread, spans] : trace) {
    std::stable_sort(spans.begin(), spans.end(), [](const ReadSpan& a, const ReadSpan& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
    });
  }
  return trace;
}

// What is wrong with the nesting of a thread's spans; "" if nothing is.
inline std::string nesting_error(const std::vector<ReadSpan>& spans) {
  std::vector<const ReadSpan*> open;
  for (const ReadSpan& span : spans) {
    while (!open.empty() && open.back()->end <= span.begin) open.pop_back();
    if (!open.empty() && span.end > open.back()->end) return span.name + " is not within " + open.back()->name;
    open.push_back(&span);
  }
  return "";
}

// The name that metadata `kind` ("process_name", "thread_name") gives to a thread; "" if none.
inline std::string metadata_name(const nlohmann::json& events, const std::string& kind, int64_t process,
                                 int64_t thread) {
  for (const auto& event : events) {
    if (event.at("ph") == "M" && event.at("name") == kind && event.at("pid") == process && event.at("tid") == thread) {
      return event.at("args").at("name");
    }
  }
  return "";
}

}  // namespace kumiko::test
