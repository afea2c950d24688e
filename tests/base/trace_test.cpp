#include "kumiko/base/trace.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "kumiko/base/regions.h"

namespace kumiko {
namespace {

TEST(TraceRecorder, CountsWhatItHasNoRoomFor) {
  TraceRecorder recorder(2);
  for (int64_t i = 0; i < 5; ++i) {
    TraceEvent event;
    event.begin = i;
    recorder.record(event);
  }
  const TraceRecorder::Taken taken = recorder.take();
  ASSERT_EQ(taken.events.size(), 2u);
  EXPECT_EQ(taken.events.back().begin, 1);  // the first ones stay
  EXPECT_EQ(taken.dropped, 3);
  recorder.record({});
  const TraceRecorder::Taken later = recorder.take();
  EXPECT_EQ(later.events.size(), 1u);
  EXPECT_EQ(later.dropped, 0);
}

TEST(TraceRecorder, HearsOfEachSpanOfATimer) {
  TraceRecorder recorder(100);
  RegionTimer timer;
  { const Span before(timer, Region::optimizer); }
  recorder.set_step(7);
  timer.record_to(&recorder);
  {
    const PhaseSpan phase(timer, Phase::forward, 3);
    const Span outer(timer, Region::mlp);
    const Span inner(timer, Region::layer_norm);
  }
  { const Span step_region(timer, Region::optimizer); }
  timer.record_to(nullptr);
  { const Span after(timer, Region::optimizer); }
  const std::vector<TraceEvent> events = recorder.take().events;
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].name, "forward: layer norm");
  EXPECT_EQ(events[1].name, "forward: mlp");
  EXPECT_EQ(events[2].name, "forward");
  EXPECT_EQ(events[3].name, "optimizer");
  EXPECT_EQ(events[0].category, "forward");
  EXPECT_EQ(events[3].category, "step");
  for (const TraceEvent& event : events) EXPECT_EQ(event.step, 7);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(events[i].micro_batch, 3);
  EXPECT_EQ(events[3].micro_batch, -1);
  for (size_t i = 0; i < 2; ++i) {  // each within the next
    EXPECT_GE(events[i].begin, events[i + 1].begin);
    EXPECT_LE(events[i].end, events[i + 1].end);
    EXPECT_LE(events[i].begin, events[i].end);
  }
  EXPECT_GE(events[3].begin, events[2].end);
}

TEST(TraceRecorder, HearsOfNoSpanThatBeganBeforeOrEndsAfter) {
  TraceRecorder recorder(100);
  RegionTimer timer;
  {
    const Span before(timer, Region::checkpoint);
    timer.record_to(&recorder);
  }
  {
    const Span after(timer, Region::checkpoint);
    timer.record_to(nullptr);
  }
  EXPECT_TRUE(recorder.take().events.empty());
}

TEST(SpanName, TellsRegionsApartWhereTheirRowDoesNot) {
  std::set<std::string_view> names;
  for (const Phase phase : {Phase::forward, Phase::backward, Phase::recompute, Phase::evaluation}) {
    for (size_t region = 0; region < num_model_regions; ++region) {
      names.insert(span_name(phase, static_cast<Region>(region)));
    }
  }
  EXPECT_EQ(names.size(), 4 * num_model_regions);
  EXPECT_EQ(span_name(Phase::recompute, Region::mlp), "recompute: mlp");
  EXPECT_EQ(span_name(Phase::evaluation, Region::head_and_loss), "evaluation: head and loss");
  EXPECT_EQ(span_name(Phase::backward, Region::mlp), name_of(RegionRow::backward_mlp));
  EXPECT_EQ(span_name(Phase::none, Region::optimizer), "optimizer");
}

TEST(TraceSpan, OfNoRecorderDoesNothing) {
  TraceSpan span(nullptr, TraceTrack::io, "write checkpoint");
  span.set_bytes(1);
}

TEST(TraceSpan, IsAnEventOfItsTrackWithItsBytes) {
  TraceRecorder recorder(10);
  recorder.set_step(2);
  {
    TraceSpan span(&recorder, TraceTrack::io, "write checkpoint");
    span.set_bytes(123);
  }
  const std::vector<TraceEvent> events = recorder.take().events;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].track, TraceTrack::io);
  EXPECT_EQ(events[0].bytes, 123);
  EXPECT_EQ(events[0].step, 2);
  EXPECT_LE(events[0].begin, events[0].end);
}

}  // namespace
}  // namespace kumiko
