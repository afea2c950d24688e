#include "kumiko/schedule/timeline_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "kumiko/base/error.h"
#include "kumiko/schedule/report.h"

namespace kumiko {
namespace {

class TimelineFiles : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  std::filesystem::path written(const std::string& text) {
    std::ofstream(path_) << text;
    return path_;
  }
  template <class Read>
  void expect_error(Read read, const std::string& text, const std::string& message) {
    try {
      read(written(text));
      ADD_FAILURE() << "no error for " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::user) << error.what();
      EXPECT_EQ(error.what(), path_.string() + ": " + message);
    }
  }

  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("kumiko_timeline_" + std::to_string(::getpid()) + ".json");
};

TimelineFile file_of(const char* name) {
  ScheduleRequest request;
  request.num_ranks = 4;
  request.num_micro_batches = 5;
  request.chunks = 2;
  request.times = {2, 3, 1};
  const ScheduleReport report = report_on_schedule(name, request);
  return {request, timeline_of(report), "ms"};
}

TEST_F(TimelineFiles, GiveBackWhatWasWritten) {
  for (const char* name : {"1f1b", "interleaved", "pipedream", "chimera-halving", "zb-1p"}) {
    const TimelineFile file = file_of(name);
    const TimelineFile found = read_timeline_file(written(to_json(file)));
    EXPECT_EQ(found.time_unit, "ms");
    EXPECT_EQ(found.timeline.schedule.name, name);
    EXPECT_EQ(found.timeline.schedule.actions, file.timeline.schedule.actions) << name;
    EXPECT_EQ(found.timeline.schedule.routes, file.timeline.schedule.routes) << name;
    EXPECT_EQ(found.timeline.schedule.micro_batches_per_update, file.timeline.schedule.micro_batches_per_update);
    ASSERT_EQ(found.timeline.times.size(), 4u);
    EXPECT_EQ(found.timeline.times[3].back().end, file.timeline.times[3].back().end);
  }
}

TEST_F(TimelineFiles, ReportsWithActionsAreOnes) {
  const TimelineFile file = file_of("zb-h1");
  const ScheduleReport report = report_on_schedule("zb-h1", file.request);
  EXPECT_EQ(read_timeline_file(written(to_json(report, true))).timeline.schedule.actions, report.schedule.actions);
}

TEST_F(TimelineFiles, NeedNoFormWhereTheScheduleIsKnown) {
  for (const char* name : {"1f1b", "pipedream-2bw", "chimera"}) {
    const TimelineFile file = file_of(name);
    std::string text = to_json(file);
    const size_t begin = text.find("\"form\":");
    text.erase(begin, text.find("\"ranks\":") - begin);
    const TimelineFile found = read_timeline_file(written(text));
    EXPECT_EQ(found.timeline.schedule.actions, file.timeline.schedule.actions) << name;
    EXPECT_EQ(found.timeline.schedule.routes, file.timeline.schedule.routes) << name;
  }
}

TEST_F(TimelineFiles, MeanTimesGiveTheSimulationBack) {
  for (const char* name : {"1f1b", "zb-h1", "chimera-halving"}) {
    const TimelineFile file = file_of(name);
    const Simulation again = simulate(file.timeline.schedule, mean_costs(file.timeline, 0));
    EXPECT_NEAR(again.cost, facts_of(file.timeline).cost, 1e-9) << name;
    EXPECT_NEAR(again.bubble_rate, facts_of(file.timeline).bubble_rate, 1e-9) << name;
  }
}

TEST_F(TimelineFiles, SayWhatIsWrong) {
  const auto read = [](const std::filesystem::path& path) { read_timeline_file(path); };
  const std::string head = R"({"schedule":"1f1b","pipeline":1,"micro_batches":1,"ranks":)";
  const std::string forward = R"({"kind":"F","stage":0,"micro_batch":0,"begin":0,"end":1})";
  expect_error(read, "[]", "expected a JSON object");
  expect_error(
      read, R"({"schedule":"1f2b","ranks":[]})", "schedule = 1f2b: expected one of " + [] {
        std::string names;
        for (const ScheduleGenerator& generator : schedule_generators())
          names += (names.empty() ? "" : ", ") + std::string(generator.name);
        return names;
      }());
  expect_error(read, R"({"schedule":"1f1b","pipeline":1.5,"ranks":[]})", "pipeline = 1.5: expected a whole number");
  expect_error(read, head + "[]}", "ranks: expected a list for each of 1 ranks, found 0");
  expect_error(read, R"({"schedule":"1f1b","pipeline":2,"form":{"placement":[[0,2]],"routes":[0]},"ranks":[]})",
               "placement: rank 2 of 2");
  expect_error(read, R"({"schedule":"1f1b","pipeline":2,"form":{"placement":[[0,0]],"routes":[0]},"ranks":[]})",
               "placement: a rank holds no stage");
  expect_error(read, head + R"([[{"kind":"Q"}]]})", "rank 0, action 0: kind = Q: expected F, B, W or BW");
  expect_error(read, head + R"([[{"kind":"F","stage":3}]]})",
               "rank 0, action 0: stage = 3: the schedule has stages 0 to 0");
  expect_error(read, head + "[[" + forward + "," + forward + "]]}",
               "rank 0, action 1: from 0 to 1: an action begins when the one before it on its rank has ended, and ends "
               "later");
  try {
    read(written(head + "[[" + forward + "]]}"));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user) << error.what();
  }
}

TEST_F(TimelineFiles, TimesOfStages) {
  const ScheduleCosts costs = read_stage_costs(
      written(R"({"stages":[{"forward":2,"backward":3,"weight":1},{"forward":4,"activations":7}],"transfer":0.5})"), 2);
  ASSERT_EQ(costs.times.size(), 2u);
  EXPECT_EQ(costs.times[0].backward, 3);
  EXPECT_EQ(costs.times[1].forward, 4);
  EXPECT_EQ(costs.memory[0].activations, 1);
  EXPECT_EQ(costs.memory[1].after_backward, 3.5);
  EXPECT_EQ(costs.transfer, 0.5);
  const auto read = [](const std::filesystem::path& path) { read_stage_costs(path, 2); };
  expect_error(read, "{}", "expected a list of stages, each with forward, backward, weight");
  expect_error(read, R"({"stages":[{"forward":"fast"}]})", "forward = \"fast\": expected a number");
}

}  // namespace
}  // namespace kumiko
