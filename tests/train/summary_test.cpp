#include "kumiko/train/summary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "kumiko/base/text_width.h"

namespace kumiko {
namespace {

const std::vector<SummarySection> sections = {
    {"model", {{"architecture", "GPT-2"}, {"parameters", "124.4 M"}}},
    {"nothing", {}},
    {"batch", {{"global", "16 = 4 micro x 2 accumulated x 2 ranks"}}},
    {"output", {{"folder", "runs/組子"}}},
};

TEST(RenderBox, IsAsItIs) {
  EXPECT_EQ(render_box("kumiko train", sections, {80, true}),
            "╭─ kumiko train ───────────────────────────────────────╮\n"
            "├─ model ──────────────────────────────────────────────┤\n"
            "│ architecture  GPT-2                                  │\n"
            "│ parameters    124.4 M                                │\n"
            "├─ batch ──────────────────────────────────────────────┤\n"
            "│ global        16 = 4 micro x 2 accumulated x 2 ranks │\n"
            "├─ output ─────────────────────────────────────────────┤\n"
            "│ folder        runs/組子                              │\n"
            "╰──────────────────────────────────────────────────────╯\n");
}

TEST(RenderBox, WrapsLongValues) {
  EXPECT_EQ(render_box("t", {{"", {{"key", "one two three four five"}}}}, {24, false}),
            "+- t ------------------+\n"
            "| key  one two three   |\n"
            "|      four five       |\n"
            "+----------------------+\n");
}

TEST(RenderBox, IsAsWideAsItsTitle) {
  EXPECT_EQ(render_box("a longer title", {{"", {{"key", "value"}}}}, {80, false}),
            "+- a longer title -+\n"
            "| key  value       |\n"
            "+------------------+\n");
}

TEST(RenderBox, PutsValuesBelowTheirKeysWhereItIsNarrow) {
  EXPECT_EQ(render_box("t", {{"batch", {{"global batch", "16 = 4 x 2 x 2"}, {"", "and more"}}}}, {20, false}),
            "+- t --------------+\n"
            "+- batch ----------+\n"
            "| global batch     |\n"
            "|   16 = 4 x 2 x 2 |\n"
            "|   and more       |\n"
            "+------------------+\n");
}

TEST(RenderBox, FitsEveryScreen) {
  for (size_t max_width = 1; max_width < 120; ++max_width) {
    for (const bool utf8 : {false, true}) {
      std::istringstream lines(render_box("a title that is long", sections, {max_width, utf8}));
      std::string line;
      std::getline(lines, line);
      const size_t width = display_width(line);
      EXPECT_LE(width, std::max<size_t>(max_width, 12));
      while (std::getline(lines, line)) EXPECT_EQ(display_width(line), width) << line;
    }
  }
}

}  // namespace
}  // namespace kumiko
