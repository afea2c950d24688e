#include "kumiko/tokenizer/tokenizer_utf8.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

constexpr const char* replacement = "\xEF\xBF\xBD";

std::string replacements(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += replacement;
  return text;
}

TEST(Utf8, KeepsEveryCharacterThatIsWellFormed) {
  std::string text;
  for (char32_t character = 0; character < 0x110000; ++character) {
    if (character >= 0xD800 && character < 0xE000) continue;
    const size_t begin = text.size();
    append_utf8(text, character);
    size_t length;
    ASSERT_EQ(decode_utf8(text, begin, length), character);
    ASSERT_EQ(begin + length, text.size());
    ASSERT_EQ(previous_utf8(text, text.size()), begin);
  }
  EXPECT_EQ(well_formed_utf8_prefix(text), text.size());
  EXPECT_EQ(replace_ill_formed_utf8(text), text);
}

// Unicode 16, section 3.9, tables 3-8 to 3-11.
TEST(Utf8, ReplacesEachMaximalSubpart) {
  EXPECT_EQ(replace_ill_formed_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), replacements(8) + "A");
  EXPECT_EQ(replace_ill_formed_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), replacements(8) + "A");
  EXPECT_EQ(replace_ill_formed_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            replacements(5) + "A" + replacements(2) + "B");
  EXPECT_EQ(replace_ill_formed_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), replacements(4) + "A");
}

TEST(Utf8, TellsCutOffFromWrong) {
  EXPECT_TRUE(utf8_unit("\xE6\x97", 0).cut_off);
  EXPECT_FALSE(utf8_unit("\xE6\x97x", 0).cut_off);
  EXPECT_FALSE(utf8_unit("\xFF", 0).cut_off);
}

TEST(Utf8, FindsTheFirstIllFormedByteBehindLongAscii) {
  EXPECT_EQ(well_formed_utf8_prefix("0123456789abcdef\x80xyz"), 16u);
  EXPECT_EQ(well_formed_utf8_prefix("0123456789abcdefg\xE6\x97"), 17u);
}

}  // namespace
}  // namespace kumiko
