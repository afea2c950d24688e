// Traces and metrics of whole runs, as a user gets them.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/program.h"
#include "kumiko/base/file.h"
#include "kumiko/base/regions.h"
#include "support/trace_reader.h"

namespace kumiko {
namespace {

using nlohmann::json;
using test::ReadSpan;
using test::TinyRun;

json read_trace(const TinyRun& tiny, const std::string& path) { return json::parse(read_text_file(tiny.path(path))); }

// The step, its phases, and the regions as the breakdown has them.
std::set<std::string> names_of_spans() {
  std::set<std::string> names = {"step"};
  for (size_t phase = 0; phase < num_phases; ++phase) {
    names.emplace(name_of(static_cast<Phase>(phase)));
    for (size_t region = 0; region < num_regions; ++region) {
      names.emplace(span_name(static_cast<Phase>(phase), static_cast<Region>(region)));
    }
  }
  return names;
}

int64_t count(const std::vector<ReadSpan>& spans, const std::string& name) {
  return std::count_if(spans.begin(), spans.end(), [&name](const ReadSpan& span) { return span.name == name; });
}

// Of a rank, by their beginning: those of different communicators may lie in different lanes.
template <class Threads>
std::vector<ReadSpan> all_reduces(const Threads& threads, int64_t rank) {
  std::vector<ReadSpan> spans;
  for (const auto& [thread, in_lane] : threads) {
    if (thread.first != rank || thread.second % 3 != 2) continue;
    std::copy_if(in_lane.begin(), in_lane.end(), std::back_inserter(spans),
                 [](const ReadSpan& span) { return span.name.starts_with("all_reduce"); });
  }
  std::sort(spans.begin(), spans.end(), [](const ReadSpan& a, const ReadSpan& b) { return a.begin < b.begin; });
  return spans;
}

TEST(Profile, OfTwoRanksHasEveryStepOnOneTimeAxis) {
  const TinyRun tiny("profile_two_ranks");
  const auto finished = tiny.train(
      2, {"checkpoint.save", tiny.path("run"), "checkpoint.save_interval", "4", "checkpoint.async_save", "false",
          "logging.profile", "true", "logging.profile_step_start", "3", "logging.profile_step_end", "6"});
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_NE(finished.output.find("trace of steps 3 to 6 in "), std::string::npos) << finished.output;
  const json trace = read_trace(tiny, "run/trace/steps-3-6.json");
  const auto threads = test::spans_of(trace.at("traceEvents"));
  std::map<int64_t, std::vector<ReadSpan>> collectives;
  for (const auto& [thread, spans] : threads) {
    EXPECT_EQ(test::nesting_error(spans), "") << "rank " << thread.first << ", thread " << thread.second;
  }
  for (int64_t rank = 0; rank < 2; ++rank) {
    const auto& compute = threads.at({rank, 1});
    EXPECT_EQ(count(compute, "step"), 4);
    EXPECT_EQ(count(compute, "batch generator"), 4);
    EXPECT_EQ(count(compute, "optimizer"), 4);
    EXPECT_EQ(count(compute, "forward"), 4 * 2);  // micro-batches
    EXPECT_EQ(count(compute, "backward"), 4 * 2);
    EXPECT_EQ(count(compute, "forward: mlp"), 4 * 2 * 2);  // layers
    EXPECT_EQ(count(compute, "backward: attention scores"), 4 * 2 * 2);
    EXPECT_EQ(count(compute, "checkpoint"), 1);
    EXPECT_GT(count(compute, "evaluation"), 0);
    std::set<int64_t> steps;
    std::set<int64_t> micro_batches;
    const std::set<std::string> names = names_of_spans();
    for (const ReadSpan& span : compute) {
      EXPECT_TRUE(names.contains(span.name)) << span.name;
      steps.insert(span.arguments.at("step").get<int64_t>());
      if (span.name == "forward: mlp") micro_batches.insert(span.arguments.at("micro_batch").get<int64_t>());
    }
    EXPECT_EQ(steps, (std::set<int64_t>{3, 4, 5, 6}));
    EXPECT_EQ(micro_batches, (std::set<int64_t>{0, 1}));
    collectives[rank] = all_reduces(threads, rank);
    EXPECT_EQ(count(collectives[rank], "all_reduce (gradients)"), 4 * 4);  // units
    EXPECT_EQ(count(collectives[rank], "all_reduce (loss)"), 4);
    EXPECT_EQ(count(collectives[rank], "all_reduce (validation loss)"), 1);
    const auto& io = threads.at({rank, 3});
    EXPECT_EQ(count(io, "read samples"), 4);
    EXPECT_EQ(count(io, "write checkpoint"), 1);
    EXPECT_EQ(trace.at("metadata").at("ranks").at(rank).at("complete"), true);
    EXPECT_EQ(trace.at("metadata").at("ranks").at(rank).at("events_dropped"), 0);
  }
  // The same collective on both: one needs what the other sends, so they overlap but for what the clocks are off.
  ASSERT_EQ(collectives[0].size(), collectives[1].size());
  const int64_t uncertainty = trace.at("metadata").at("ranks").at(1).at("clock_uncertainty_ns").get<int64_t>();
  EXPECT_GT(uncertainty, 0);
  for (size_t i = 0; i < collectives[0].size(); ++i) {
    const ReadSpan& a = collectives[0][i];
    const ReadSpan& b = collectives[1][i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.arguments.at("sequence"), b.arguments.at("sequence"));
    EXPECT_EQ(a.arguments.at("bytes"), b.arguments.at("bytes"));
    EXPECT_LE(a.begin, b.end + 2 * uncertainty);
    EXPECT_LE(b.begin, a.end + 2 * uncertainty);
  }
  // The parts have become one file.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(tiny.path("run/trace")), {}), 1);
}

TEST(Profile, LeavesTheLossesAsTheyAre) {
  const TinyRun tiny("profile_losses");
  ASSERT_EQ(tiny.train(1, {"logging.run_dir", tiny.path("plain")}).exit_code, 0);
  const auto traced = tiny.train(1, {"logging.run_dir", tiny.path("traced"), "logging.profile", "true",
                                     "logging.profile_step_start", "1", "logging.profile_step_end", "1000"});
  ASSERT_EQ(traced.exit_code, 0) << traced.output;
  EXPECT_EQ(tiny.steps("plain"), tiny.steps("traced"));
  // To the end of the run, although the range is longer; of one rank.
  const json trace = read_trace(tiny, "traced/trace/steps-1-12.json");
  EXPECT_EQ(count(test::spans_of(trace.at("traceEvents")).at({0, 1}), "step"), 12);
}

TEST(Profile, OfARunThatFailsHasTheStepsBefore) {
  const TinyRun tiny("profile_failed");
  const auto finished = tiny.train(2, {"logging.run_dir", tiny.path("run"), "logging.profile", "true",
                                       "logging.profile_step_start", "1", "optimizer.lr", "1e30"});
  ASSERT_NE(finished.exit_code, 0) << finished.output;
  EXPECT_NE(finished.output.find("step 2: loss "), std::string::npos) << finished.output;
  for (int64_t rank = 0; rank < 2; ++rank) {
    const std::string part = read_text_file(tiny.path(fmt::format("run/trace/steps-from-1.rank-{}.json", rank)));
    ASSERT_TRUE(part.ends_with(",\n"));
    const json events = json::parse(part.substr(0, part.size() - 2) + "]");  // as viewers read it
    EXPECT_EQ(count(test::spans_of(events).at({rank, 1}), "step"), 1);
  }
}

TEST(Profile, OfSomeRanksHasOnlyThose) {
  const TinyRun tiny("profile_some_ranks");
  const auto finished =
      tiny.train(2, {"logging.run_dir", tiny.path("run"), "logging.profile", "true", "logging.profile_step_start", "2",
                     "logging.profile_step_end", "2", "logging.profile_ranks", "1"});
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  const json trace = read_trace(tiny, "run/trace/steps-2-2.json");
  for (const auto& event : trace.at("traceEvents")) EXPECT_EQ(event.at("pid"), 1);
  EXPECT_EQ(count(test::spans_of(trace.at("traceEvents")).at({1, 1}), "step"), 1);
}

TEST(Profile, SaysWhatIsWrong) {
  const TinyRun tiny("profile_errors");
  const auto error_of = [&tiny](std::vector<std::string> options) {
    const auto finished = tiny.train(1, options);
    EXPECT_NE(finished.exit_code, 0);
    return finished.output;
  };
  const auto contains = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  contains(error_of({"logging.profile", "true"}),
           "logging.profile = true, but there is nowhere to write a trace: give logging.run_dir or checkpoint.save");
  contains(error_of({"logging.profile", "true", "logging.run_dir", tiny.path("run"), "logging.profile_ranks", "0,x"}),
           "logging.profile_ranks: 'x' is no rank of this run; expected numbers from 0 to 0");
  contains(error_of({"logging.profile_step_start", "5", "logging.profile_step_end", "4"}),
           "logging.profile_step_end = 4: expected logging.profile_step_start or more");
  contains(error_of({"logging.prometheus_file", tiny.path("metrics.txt")}), "expected a name that ends with .prom");
  contains(error_of({"logging.prometheus_port", "70000"}), "logging.prometheus_port = 70000: expected 0 to 65535");
}

TEST(Profile, WarnsWhereNoStepIsInTheRange) {
  const TinyRun tiny("profile_no_step");
  const auto finished = tiny.train(1, {"logging.run_dir", tiny.path("run"), "logging.profile", "true",
                                       "logging.profile_step_start", "50", "logging.profile_step_end", "60"});
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_NE(finished.output.find("none of the steps 50 to 60 was among those of this run"), std::string::npos)
      << finished.output;
}

TEST(Prometheus, FileHoldsTheLastStep) {
  const TinyRun tiny("prometheus_file");
  const auto finished = tiny.train(2, {"logging.prometheus_file", tiny.path("kumiko.prom")});
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  const std::string text = read_text_file(tiny.path("kumiko.prom"));
  EXPECT_NE(text.find("\nkumiko_step 12\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nkumiko_communication_bytes_total{verb=\"all_reduce\",axis=\"data\",purpose=\"gradients\"} "),
            std::string::npos);
  EXPECT_NE(text.find("\nkumiko_validation_loss "), std::string::npos);
}

}  // namespace
}  // namespace kumiko
