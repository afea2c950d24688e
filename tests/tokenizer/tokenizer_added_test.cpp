#include "kumiko/tokenizer/tokenizer_added.h"

#include "tokenizer/tokenizer_test_util.h"

namespace kumiko {
namespace {

// Text in brackets, ids bare.
std::string cut(const std::vector<AddedToken>& tokens, std::string_view text) {
  std::string result;
  AddedTokenMatcher(tokens).cut(
      text, TextStart::whole, [&](std::string_view between, TextStart) { result += "[" + std::string(between) + "]"; },
      [&](int32_t id) { result += std::to_string(id); });
  return result;
}

TEST(AddedTokens, TakesTheLeftmostThenTheLongest) {
  const std::vector<AddedToken> tokens = {
      {.id = 1, .content = "ab"}, {.id = 2, .content = "abcd"}, {.id = 3, .content = "bc"}};
  EXPECT_EQ(cut(tokens, "xabcx"), "[x]1[cx]");
  EXPECT_EQ(cut(tokens, "abcdbc"), "23");
  EXPECT_EQ(cut(tokens, "abc"), "1[c]");
  EXPECT_EQ(cut(tokens, ""), "");
  EXPECT_EQ(cut({}, "abc"), "[abc]");
}

TEST(AddedTokens, TakesWhiteSpaceAlong) {
  EXPECT_EQ(cut({{.id = 1, .content = "#", .lstrip = true}}, "a \u3000# #b"), "[a]11[b]");
  EXPECT_EQ(cut({{.id = 1, .content = "#", .rstrip = true}}, "a # \n#\u00A0b"), "[a ]11[b]");
}

TEST(AddedTokens, CanAskForAWholeWord) {
  EXPECT_EQ(cut({{.id = 1, .content = "in", .single_word = true}}, "in inn in. _in"), "1[ inn ]1[. _in]");
}

TEST(AddedTokens, NormalizesWhatIsBetweenAndItsOwnContent) {
  const auto lowercase = make_lowercase();
  const AddedTokenMatcher matcher({{.id = 1, .content = "ABC", .normalized = true}, {.id = 2, .content = "X"}},
                                  lowercase.get());
  std::string result;
  const auto starts = [](TextStart start) { return start == TextStart::whole ? "whole:" : "behind:"; };
  matcher.cut(
      "FabcXG", TextStart::whole,
      [&](std::string_view text, TextStart start) { result += "[" + (starts(start) + std::string(text)) + "]"; },
      [&](int32_t id) { result += std::to_string(id); });
  EXPECT_EQ(result, "[whole:f]12[behind:g]");
}

TEST(AddedTokens, LooksForNormalizedOnesInWhatIsLeft) {
  const std::vector<AddedToken> tokens = {{.id = 1, .content = "abc", .normalized = true}, {.id = 2, .content = "bcd"}};
  EXPECT_EQ(cut(tokens, "abcd abc"), "[a]2[ ]1");
}

}  // namespace
}  // namespace kumiko
