#include "kumiko/data/cut_places.h"

#include "data/dataset_testing.h"

namespace kumiko {
namespace {

size_t safe_cut(std::string_view text) { return last_safe_cut(text, {.at_spaces = true, .at_newlines = true}); }

TEST(LastSafeCut, IsOnlyWhereItMayBe) {
  EXPECT_EQ(last_safe_cut("one two\nthree", {.at_spaces = true}), 3U);
  EXPECT_EQ(last_safe_cut("one\ntwo three", {.at_newlines = true}), 4U);
  EXPECT_EQ(last_safe_cut("one two\nthree", {}), 0U);
}

TEST(LastSafeCut, TellsWhichTokensReachAcross) {
  for (const char* token : {"a b", "a ", "xa "}) EXPECT_TRUE(reaches_across_space(token)) << token;
  for (const char* token : {" a", " ", "  a", ", a", "a 1", "a\n"}) EXPECT_FALSE(reaches_across_space(token)) << token;
  for (const char* token : {"\na", ".\n1", "\n\xE7", "\xA0\nb"}) EXPECT_TRUE(reaches_across_newline(token)) << token;
  // The third is in GPT-2's vocabulary.
  for (const char* token : {"\n", "a\n", "\n\u00A0", "\n\n", "\n\na", " \na", "\n a", "\n("}) {
    EXPECT_FALSE(reaches_across_newline(token)) << token;
  }
}

TEST(LastSafeCut, IsBeforeASpaceBetweenLetters) {
  EXPECT_EQ(safe_cut("one two"), 3U);
  EXPECT_EQ(safe_cut("one  two"), 0U);
  EXPECT_EQ(safe_cut("one. two"), 0U);
  EXPECT_EQ(safe_cut("one 2"), 0U);
  EXPECT_EQ(safe_cut("one "), 0U);
}

TEST(LastSafeCut, IsAfterTheEndOfALineBetweenWords) {
  EXPECT_EQ(safe_cut("one.\ntwo"), 5U);
  EXPECT_EQ(safe_cut("one.\n\ntwo"), 0U);
  EXPECT_EQ(safe_cut("one.\r\ntwo"), 0U);
  EXPECT_EQ(safe_cut("one. \ntwo"), 0U);
  EXPECT_EQ(safe_cut("one.\n two"), 0U);
  EXPECT_EQ(safe_cut("one.\n/two"), 0U);
  EXPECT_EQ(safe_cut("one.\n"), 0U);
  EXPECT_EQ(safe_cut("\ntwo"), 0U);
  EXPECT_EQ(safe_cut("木\n組"), 4U);
  // U+3000, the ideographic space, and U+3002, the full stop, share a block that is left alone.
  EXPECT_EQ(safe_cut("木\n\u3000組"), 0U);
  EXPECT_EQ(safe_cut("木\u3000\n組"), 0U);
  // Half a character at the end of a block.
  EXPECT_EQ(safe_cut("木\n\xE7\xB5"), 0U);
}

}  // namespace
}  // namespace kumiko
