#include "kumiko/train/trace_format.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"
#include "support/trace_reader.h"

namespace kumiko {
namespace {

using nlohmann::json;
using test::spans_of;

constexpr int64_t millisecond = 1'000'000;

TraceEvent event(TraceTrack track, std::string_view name, int64_t begin, int64_t end) {
  TraceEvent event;
  event.track = track;
  event.name = name;
  event.category = "purpose";
  event.begin = begin;
  event.end = end;
  event.step = 3;
  return event;
}

TraceEvent communication(std::string_view verb, int64_t begin, int64_t end, int64_t sequence) {
  TraceEvent made = event(TraceTrack::communication, verb, begin, end);
  made.category = "gradients";
  made.axis = "data";
  made.sequence = sequence;
  made.bytes = 4096;
  made.enqueued = begin - 1500;
  return made;
}

std::string events_of(TracePart& part, TraceRecorder::Taken taken) { return part.events(taken); }

std::string merged(const std::vector<std::string>& parts, MergedTrace* about = nullptr) {
  std::string text;
  const MergedTrace result =
      merge_trace_parts({parts.begin(), parts.end()}, [&text](std::string_view piece) { text += piece; });
  if (about != nullptr) *about = result;
  return text;
}

// A rank whose clock shows `ahead` more than rank 0's.
std::string part_of(int64_t rank, int64_t ahead, const std::vector<TraceEvent>& events) {
  constexpr int64_t origin = 1000 * millisecond;
  TracePart part({rank, "host", 100 + rank}, {origin + ahead, -ahead, 500}, origin);
  TraceRecorder::Taken taken;
  for (TraceEvent shifted : events) {
    shifted.begin += origin + ahead;
    shifted.end += origin + ahead;
    if (shifted.enqueued >= 0) shifted.enqueued += origin + ahead;
    taken.events.push_back(shifted);
  }
  return part.opening() + events_of(part, taken) + part.closing({origin + ahead + 10 * millisecond, -ahead, 400});
}

const std::vector<TraceEvent> step_events = {
    event(TraceTrack::compute, "forward: mlp", 2000, 5000),  communication("all_reduce", 4000, 9001, 17),
    event(TraceTrack::compute, "forward", 1000, 6000),       event(TraceTrack::compute, "step", 0, 10000),
    event(TraceTrack::io, "write checkpoint", 10000, 20000),
};

TEST(TraceFormat, PutsEveryRankOnOneTimeAxis) {
  MergedTrace about;
  const std::string text = merged({part_of(0, 0, step_events), part_of(1, 7 * millisecond, step_events)}, &about);
  EXPECT_EQ(about.ranks, 2);
  EXPECT_EQ(about.events, 10);
  EXPECT_EQ(about.dropped, 0);
  EXPECT_EQ(about.uncertainty_ns, 500);
  const json trace = json::parse(text);
  const auto& events = trace.at("traceEvents");
  const auto threads = spans_of(events);
  ASSERT_EQ(threads.size(), 6u);
  for (int64_t rank = 0; rank < 2; ++rank) {
    const auto& compute = threads.at({rank, 1});
    ASSERT_EQ(compute.size(), 3u);
    EXPECT_EQ(compute[0].name, "step");
    EXPECT_EQ(compute[1].name, "forward");
    EXPECT_EQ(compute[2].name, "forward: mlp");
    EXPECT_EQ(compute[0].begin, 0);
    EXPECT_EQ(compute[2].begin, 2000);
    EXPECT_EQ(compute[2].end, 5000);
    EXPECT_EQ(compute[0].arguments.at("step"), 3);
    const auto& wire = threads.at({rank, 2});
    ASSERT_EQ(wire.size(), 1u);
    EXPECT_EQ(wire[0].name, "all_reduce (gradients)");
    EXPECT_EQ(wire[0].end, 9001);
    EXPECT_EQ(wire[0].arguments, json({{"step", 3},
                                       {"bytes", 4096},
                                       {"axis", "data"},
                                       {"sequence", 17},
                                       {"purpose", "gradients"},
                                       {"waited_us", 1.5}}));
    EXPECT_EQ(threads.at({rank, 3})[0].name, "write checkpoint");
    EXPECT_EQ(test::metadata_name(events, "process_name", rank, 0),
              "rank " + std::to_string(rank) + " (host, pid " + std::to_string(100 + rank) + ")");
    EXPECT_EQ(test::metadata_name(events, "thread_name", rank, 1), "compute");
    EXPECT_EQ(test::metadata_name(events, "thread_name", rank, 2), "communication");
    EXPECT_EQ(test::metadata_name(events, "thread_name", rank, 3), "I/O");
    EXPECT_EQ(trace.at("metadata").at("ranks").at(rank).at("clock_offset_ns"), -rank * 7 * millisecond);
    EXPECT_EQ(trace.at("metadata").at("ranks").at(rank).at("clock_uncertainty_ns"), 500);
    EXPECT_EQ(trace.at("metadata").at("ranks").at(rank).at("complete"), true);
  }
}

TEST(TraceFormat, TakesTheDriftOut) {
  TracePart part({1, "host", 1}, {0, 0, 10}, 0);
  const std::string text =
      part.opening() +
      events_of(part, {{event(TraceTrack::compute, "a", 0, 1000), event(TraceTrack::compute, "b", 5000, 10000)}, 0}) +
      part.closing({10000, 100, 10});
  const json trace = json::parse(merged({text}));
  const auto spans = spans_of(trace.at("traceEvents")).at({1, 1});
  EXPECT_EQ(spans[0].begin, 0);
  EXPECT_EQ(spans[0].end, 1010);
  EXPECT_EQ(spans[1].begin, 5050);
  EXPECT_EQ(spans[1].end, 10100);
  EXPECT_NEAR(trace.at("metadata").at("ranks").at(0).at("clock_drift_ns_per_s").get<double>(), 1e7, 1);
}

TEST(TraceFormat, DrawsWhatOverlapsOnThreadsOfItsOwn) {
  TracePart part({0, "host", 1}, {0, 0, 0}, 0);
  // Two written at once, and one that ended in a later write than the next began.
  std::string text = part.opening();
  text += events_of(part, {{communication("send", 0, 5000, 1), communication("receive", 1000, 4000, 2)}, 0});
  text += events_of(part, {{communication("send", 4500, 9000, 3), communication("receive", 9000, 9500, 4)}, 0});
  text += part.closing({1, 0, 0});
  const json trace = json::parse(merged({text}));
  const auto threads = spans_of(trace.at("traceEvents"));
  ASSERT_EQ(threads.size(), 2u);
  EXPECT_EQ(threads.at({0, 2}).size(), 2u);
  EXPECT_EQ(threads.at({0, 5}).size(), 2u);
  EXPECT_EQ(test::metadata_name(trace.at("traceEvents"), "thread_name", 0, 5), "communication 2");
  for (const auto& [thread, spans] : threads) EXPECT_EQ(test::nesting_error(spans), "");
}

TEST(TraceFormat, SaysWhatWasDropped) {
  TracePart part({0, "host", 1}, {0, 0, 0}, 0);
  const std::string text =
      part.opening() + events_of(part, {{event(TraceTrack::compute, "a", 0, 1000)}, 42}) + part.closing({1, 0, 0});
  MergedTrace about;
  const json trace = json::parse(merged({text}, &about));
  EXPECT_EQ(about.dropped, 42);
  EXPECT_EQ(trace.at("metadata").at("ranks").at(0).at("events_dropped"), 42);
  bool said = false;
  for (const auto& made : trace.at("traceEvents")) {
    if (made.at("name") != "events dropped") continue;
    said = true;
    EXPECT_EQ(made.at("args").at("dropped"), 42);
    EXPECT_EQ(made.at("ts"), 1.0);
  }
  EXPECT_TRUE(said);
}

TEST(TraceFormat, APartIsAnArrayByItself) {
  const json part = json::parse(part_of(0, 0, step_events));
  ASSERT_TRUE(part.is_array());
  EXPECT_EQ(spans_of(part).size(), 3u);
}

// A rank that dies leaves its part at any byte.
TEST(TraceFormat, APartCutShortAnywhereStillCounts) {
  const std::string whole = part_of(0, 0, step_events);
  const std::string other = part_of(1, 0, step_events);
  int64_t events_before = 0;
  for (size_t length = 0; length <= whole.size(); ++length) {
    MergedTrace about;
    const json trace = json::parse(merged({whole.substr(0, length), other}, &about));
    EXPECT_GE(about.events, 5 + events_before);
    events_before = about.events - 5;
  }
  EXPECT_EQ(events_before, 5);
  const json trace = json::parse(merged({whole.substr(0, whole.size() - 20)}));
  EXPECT_EQ(trace.at("metadata").at("ranks").at(0).at("complete"), false);
}

TEST(TraceFormat, RefusesWhatIsNoPart) {
  const std::string opening = TracePart({0, "host", 1}, {0, 0, 0}, 0).opening();
  for (const std::string& line :
       {opening + "{\"ts\":1.5,\"dur\":1.000},\n", opening + "{\"ts\":1.500},\n", std::string("hello\n"),
        std::string("[\n{\"name\":\"x\"},\n"), std::string("[\n{\"ts\":1.500,\"dur\":1.000,\"ph\":\"X\"},\n"),
        std::string("[\n{\"name\":\"clock_begin\",\"pid\":0,\"args\":{}},\n")}) {
    try {
      merged({line});
      ADD_FAILURE() << line;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::user);
      EXPECT_NE(std::string(error.what()).find("expected an event of a kumiko trace, found \""), std::string::npos);
    }
  }
}

TEST(TraceFormat, KeepsNegativeAndLongTimesExact) {
  TracePart part({0, "host", 1}, {0, 0, 0}, 0);
  constexpr int64_t long_time = 123'456'789'012'345;  // 34 hours
  const std::string text =
      part.opening() +
      events_of(
          part,
          {{event(TraceTrack::compute, "a", -12034, -7), event(TraceTrack::compute, "b", long_time, long_time)}, 0}) +
      part.closing({1, 0, 0});
  EXPECT_NE(text.find("{\"ts\":-12.034,\"dur\":12.027,"), std::string::npos);
  const std::string whole = merged({text});
  EXPECT_NE(whole.find("{\"ts\":-12.034,\"dur\":12.027,"), std::string::npos);
  EXPECT_NE(whole.find("{\"ts\":123456789012.345,\"dur\":0.000,"), std::string::npos);
}

}  // namespace
}  // namespace kumiko
