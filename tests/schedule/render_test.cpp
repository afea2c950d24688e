#include <gtest/gtest.h>

#include <algorithm>

#include "kumiko/base/text.h"
#include "kumiko/schedule/render_svg.h"
#include "kumiko/schedule/render_terminal.h"
#include "kumiko/schedule/report.h"

namespace kumiko {
namespace {

Timeline timeline(const char* name, int num_ranks, int num_micro_batches) {
  ScheduleRequest request;
  request.num_ranks = num_ranks;
  request.num_micro_batches = num_micro_batches;
  request.chunks = 2;
  return timeline_of(report_on_schedule(name, request));
}

std::string picture(const Timeline& drawn, const TerminalPicture& options = {}) {
  return terminal_picture({&drawn, 1}, options);
}

TEST(TerminalPicture, WholeBackward) {
  EXPECT_EQ(picture(timeline("1f1b", 2, 2)),
            "1f1b, 2 ranks, 2 micro-batches: bubble rate 0.3333, cost 9\n"
            "rank 0 F0-F1-      B0====   B1====  67 % busy, 2 held\n"
            "rank 1    F0-B0====F1-B1====        67 % busy, 1 held\n"
            "F forward, B backward (whole)\n");
}

TEST(TerminalPicture, SplitBackwardAndSeveralStages) {
  EXPECT_EQ(picture(timeline("zb-h1", 2, 2)),
            "zb-h1, 2 ranks, 2 micro-batches: bubble rate 0.1429, cost 7\n"
            "rank 0 F0-F1-   B0=W0~B1=W1~  86 % busy, 2 held\n"
            "rank 1    F0-B0=F1-B1=W0~W1~  86 % busy, 2 held\n"
            "F forward, B backward of inputs, W of weights\n");
  EXPECT_EQ(picture(timeline("interleaved", 2, 2)),
            "interleaved, 2 ranks, 2 micro-batches: bubble rate 0.2000, cost 7.5\n"
            "rank 0 F0-F1-f0-f1-      b0====   b1====B0====B1====  80 % busy, 2 held\n"
            "rank 1    F0-F1-f0-b0====f1-b1====B0====B1====        80 % busy, 1.5 held\n"
            "F forward, B backward (whole); small letters: later stages of a rank\n");
  EXPECT_EQ(picture(timeline("chimera", 2, 2)),
            "chimera, 2 ranks, 2 micro-batches: bubble rate 0.0000, cost 6\n"
            "rank 0 F0-f1-b1====B0==== 100 % busy, 2 held\n"
            "rank 1 f1-F0-B0====b1==== 100 % busy, 2 held\n"
            "F forward, B backward (whole); small letters: pipelines upwards\n");
}

TEST(TerminalPicture, FitsTheWidthAndSaysWhatIsLeftOut) {
  const std::string text = picture(timeline("1f1b", 8, 64), {.width = 70, .most_ranks = 3});
  for (const std::string& line : split(text, '\n')) EXPECT_LE(line.size(), 70u) << line;
  EXPECT_NE(text.find("3 of 8 ranks are shown (--rows)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\ntime 0 to 44 of 213 is shown: a wider terminal shows more, "), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(TerminalPicture, ColorsAreAroundTheSameText) {
  const Timeline drawn = timeline("chimera", 4, 4);
  const std::string plain = picture(drawn);
  const std::string colored = picture(drawn, {.color = true});
  std::string stripped;
  for (size_t at = 0; at < colored.size(); ++at) {
    if (colored[at] == '\x1b') {
      at = colored.find('m', at);
    } else {
      stripped += colored[at];
    }
  }
  EXPECT_EQ(stripped, plain);
  EXPECT_NE(colored.find("\x1b[30;44mF0-"), std::string::npos) << colored;
  EXPECT_NE(colored.find("\x1b[30;104mf2-"), std::string::npos) << colored;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// Every element that is opened is closed, in order, within one root.
bool is_well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (size_t at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
    const size_t end = xml.find('>', at);
    if (end == std::string::npos || xml.find('<', at + 1) < end) return false;
    const std::string tag = xml.substr(at + 1, end - at - 1);
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) return false;
    if (tag.front() == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  return open.empty();
}

TEST(TimelineSvg, HoldsEveryActionWithItsNumber) {
  const std::vector<Timeline> one = {timeline("zb-h1", 4, 8)};
  const std::string svg = timeline_svg(one, "ms");
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_EQ(count(svg, "<title>"), 4u * 8 * 3);
  EXPECT_EQ(count(svg, "<title>W of micro-batch"), 4u * 8);
  EXPECT_EQ(count(svg, ">7</text>"), 4u * 3);
  EXPECT_EQ(count(svg, "<polyline"), 4u);
  EXPECT_EQ(count(svg, ">rank 3</text>"), 2u);
  for (const char* part : {"zb-h1, 4 ranks, 8 micro-batches: bubble rate 0.1111, cost 27", "time, ms", "F, forward",
                           "W, gradients of the weights", ">bubble<", "activations held"}) {
    EXPECT_EQ(count(svg, part), 1u) << part;
  }
  EXPECT_EQ(count(svg, "whole backward"), 0u);
}

TEST(TimelineSvg, TwoTimelinesHaveOneScale) {
  Timeline slow = timeline("1f1b", 2, 2);
  for (auto& rank : slow.times) {
    for (ActionTime& time : rank) time = {2 * time.begin + 5, 2 * time.end + 5};
  }
  const std::vector<Timeline> both = {slow, timeline("1f1b", 2, 2)};
  const std::string svg = timeline_svg(both);
  EXPECT_TRUE(is_well_formed(svg));
  // 9 and 18 on a scale of 18, which is 640 pixels wide.
  EXPECT_EQ(count(svg, "width=\"640.0\" height=\"21.0\" fill=\"#e8e8e8\""), 2u);
  EXPECT_EQ(count(svg, "width=\"320.0\" height=\"21.0\" fill=\"#e8e8e8\""), 2u);
}

TEST(TimelineSvg, ThousandsOfRanksAreStillAPicture) {
  const std::vector<Timeline> one = {timeline("1f1b", 256, 64)};
  const std::string svg = timeline_svg(one);
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_EQ(count(svg, "<title>"), 0u);
}

}  // namespace
}  // namespace kumiko
