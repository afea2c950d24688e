#include "kumiko/base/text_width.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("組子"), 4u);
  EXPECT_EQ(display_width("かがみ"), 6u);
  EXPECT_EQ(display_width("Ａ１ｱ"), 5u);    // full width, full width, half width
  EXPECT_EQ(display_width("e\u0301"), 1u);  // e and a combining accent
  EXPECT_EQ(display_width("\U0001F600"), 2u);
  EXPECT_EQ(display_width("é│█"), 3u);
  EXPECT_EQ(display_width("\xff\xc3"), 2u);
  EXPECT_EQ(display_width(""), 0u);
}

TEST(PadRight, FillsToAColumn) {
  EXPECT_EQ(pad_right("組", 4), "組  ");
  EXPECT_EQ(pad_left("組", 4), "  組");
  EXPECT_EQ(pad_right("abc", 2), "abc");
}

TEST(CutToWidth, NeverCutsACharacter) {
  EXPECT_EQ(cut_to_width("組子", 3), "組");
  EXPECT_EQ(cut_to_width("組子", 1), "");
  EXPECT_EQ(cut_to_width("abc", 5), "abc");
}

TEST(Wrap, BreaksAtSpacesElseAnywhere) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(wrap("one two three", 8), (Lines{"one two", "three"}));
  EXPECT_EQ(wrap("one two three", 7), (Lines{"one two", "three"}));
  EXPECT_EQ(wrap("abcdefgh ij", 4), (Lines{"abcd", "efgh", "ij"}));
  EXPECT_EQ(wrap("組子組子", 4), (Lines{"組子", "組子"}));
  EXPECT_EQ(wrap("組子", 1), (Lines{"組", "子"}));
  EXPECT_EQ(wrap("", 4), (Lines{""}));
}

}  // namespace
}  // namespace kumiko
