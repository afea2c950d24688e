#include "kumiko/tokenizer/pre_tokenizer.h"

#include <random>

#include "kumiko/tokenizer/pre_tokenizer_regex.h"
#include "kumiko/tokenizer/pre_tokenizer_scan.h"
#include "kumiko/tokenizer/pre_tokenizer_unicode.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"
#include "tokenizer/tokenizer_test_util.h"

namespace kumiko {
namespace {

bool matches(const Regex& regex, const std::string& text) {
  bool found = false;
  regex.find_all(text, [&](size_t, size_t) { found = true; });
  return found;
}

// Oniguruma's Unicode may be older or newer than our tables: such characters are left out where the two are compared.
bool classes_agree(char32_t character) {
  static const Regex letter(R"(\p{L})"), number(R"(\p{N})"), space(R"(\s)");
  std::string text;
  append_utf8(text, character);
  const CharacterClass kind = character_class(character);
  return matches(letter, text) == (kind == CharacterClass::letter) &&
         matches(number, text) == (kind == CharacterClass::number) &&
         matches(space, text) == (kind == CharacterClass::space);
}

std::vector<std::string> alphabet() {
  std::vector<std::string> alphabet = {"'s",     "'S",   "'\u017F", "'re", "'LL",     "  ",     "   \n",  "\r\n",
                                       "\n",     "\n\n", "\t",      " a",  " '",      " 1",     "123",    "!?",
                                       "e",      "'v",   "'",       " ",   "\u3000",  "\u00A0", "\u0085", "\u180E",
                                       "\u2028", "\r",   "日",      "é",   "e\u0301", "_"};
  std::mt19937 random(5);
  while (alphabet.size() < 1000) {
    const char32_t character = random() % (random() % 2 == 0 ? 0x110000 : 0x3100);
    if ((character >= 0xD800 && character < 0xE000) || !classes_agree(character)) continue;
    append_utf8(alphabet.emplace_back(), character);
  }
  return alphabet;
}

std::vector<std::string> regex_pieces(const Regex& regex, const std::string& text) {
  std::vector<std::string> pieces;
  regex.find_all(text, [&](size_t begin, size_t end) { pieces.push_back(text.substr(begin, end - begin)); });
  return pieces;
}

// The hand-written matchers against Oniguruma on the patterns themselves.
TEST(PreTokenizer, ScansAsThePatternsSay) {
  const std::vector<std::string> parts = alphabet();
  std::mt19937 random(11);
  for (const std::string& pattern : {gpt2_pattern, llama3_pattern, qwen2_pattern}) {
    const Regex regex(pattern);
    const auto scan = make_split(pattern, SplitBehavior::isolated, false);
    for (int repetition = 0; repetition < 1500; ++repetition) {
      std::string text;
      for (uint32_t left = random() % 40; left > 0; --left) {
        text += parts[random() % (random() % 3 == 0 ? parts.size() : 30)];
      }
      ASSERT_EQ(pieces_of(*scan, text), regex_pieces(regex, text)) << pattern << "\n" << text;
    }
  }
}

TEST(PreTokenizer, TablesAgreeWithOnigurumaOnOldCharacters) {
  // All of these were assigned before Unicode 6.
  for (char32_t character = 0; character < 0x250; ++character)
    EXPECT_TRUE(classes_agree(character)) << uint32_t{character};
  for (char32_t character = 0x2000; character < 0x2070; ++character)
    EXPECT_TRUE(classes_agree(character)) << uint32_t{character};
  for (char32_t character = 0x3000; character < 0x3100; ++character)
    EXPECT_TRUE(classes_agree(character)) << uint32_t{character};
  EXPECT_EQ(character_class(0x85), CharacterClass::space);
  EXPECT_EQ(character_class(0x180E), CharacterClass::other);
  EXPECT_EQ(character_class(0x10FFFF), CharacterClass::other);
  // A letter since Unicode 16.
  EXPECT_EQ(character_class(0x1C89), CharacterClass::letter);
}

TEST(PreTokenizer, KnowsWords) {
  for (const char32_t character : {U'a', U'_', U'9', U'\u0301', U'\u200D', U'\u24D0', U'\u65E5', U'\u2167'}) {
    EXPECT_TRUE(is_word_character(character)) << static_cast<uint32_t>(character);
  }
  for (const char32_t character : {U' ', U'-', U'\u00BD', U'\u3002', U'\0', U'\U0010FFFF'}) {
    EXPECT_FALSE(is_word_character(character)) << static_cast<uint32_t>(character);
  }
}

TEST(PreTokenizer, SplitsIsolatedRemovedAndInverted) {
  using Pieces = std::vector<std::string>;
  const std::string text = "ab12c3";
  const auto split = [&](SplitBehavior behavior, bool inverted) {
    return pieces_of(*make_split(R"(\d+)", behavior, inverted), text);
  };
  EXPECT_EQ(split(SplitBehavior::isolated, false), (Pieces{"ab", "12", "c", "3"}));
  EXPECT_EQ(split(SplitBehavior::isolated, true), (Pieces{"ab", "12", "c", "3"}));
  EXPECT_EQ(split(SplitBehavior::removed, false), (Pieces{"ab", "c"}));
  EXPECT_EQ(split(SplitBehavior::removed, true), (Pieces{"12", "3"}));
  EXPECT_EQ(pieces_of(*make_split("x*", SplitBehavior::isolated, false), "axxéx"), (Pieces{"a", "xx", "é", "x"}));
  EXPECT_EQ(pieces_of(*make_literal_split("aa", SplitBehavior::isolated, false), "aaab"), (Pieces{"aa", "ab"}));
}

TEST(PreTokenizer, PutsASpaceInFrontWhereThereIsNone) {
  const auto step = make_byte_level(true, true);
  EXPECT_EQ(pieces_of(*step, "a b"), (std::vector<std::string>{" a", " b"}));
  EXPECT_EQ(pieces_of(*step, " a b"), (std::vector<std::string>{" a", " b"}));
  EXPECT_TRUE(pieces_of(*step, "").empty());
}

TEST(PreTokenizer, JoinsMatchesWithWhatIsBesideThem) {
  using Pieces = std::vector<std::string>;
  const auto split = [&](SplitBehavior behavior, bool inverted = false) {
    return pieces_of(*make_literal_split("-", behavior, inverted), "-a--b-");
  };
  EXPECT_EQ(split(SplitBehavior::merged_with_previous), (Pieces{"-", "a-", "-", "b-"}));
  EXPECT_EQ(split(SplitBehavior::merged_with_next), (Pieces{"-a", "-", "-b", "-"}));
  EXPECT_EQ(split(SplitBehavior::contiguous), (Pieces{"-", "a", "--", "b", "-"}));
  EXPECT_EQ(split(SplitBehavior::contiguous, true), (Pieces{"-", "a", "--", "b", "-"}));
  EXPECT_EQ(split(SplitBehavior::merged_with_next, true), (Pieces{"-", "a-", "-", "b-"}));
}

TEST(PreTokenizer, MarksSpaces) {
  using Pieces = std::vector<std::string>;
  const auto cut = [](PrependScheme scheme, bool split, TextStart start, std::string_view text) {
    Pieces pieces;
    make_metaspace("_", scheme, split)->cut(text, start, [&](std::string_view piece) { pieces.emplace_back(piece); });
    return pieces;
  };
  EXPECT_EQ(cut(PrependScheme::always, true, TextStart::behind, "a  b_c"), (Pieces{"_a", "_", "_b", "_c"}));
  EXPECT_EQ(cut(PrependScheme::always, true, TextStart::whole, " a"), (Pieces{"_a"}));
  EXPECT_EQ(cut(PrependScheme::always, true, TextStart::inside, "a b"), (Pieces{"a", "_b"}));
  EXPECT_EQ(cut(PrependScheme::first, false, TextStart::whole, "a b"), (Pieces{"_a_b"}));
  EXPECT_EQ(cut(PrependScheme::first, false, TextStart::behind, "a b"), (Pieces{"a_b"}));
  EXPECT_EQ(cut(PrependScheme::never, true, TextStart::whole, "a "), (Pieces{"a", "_"}));
}

TEST(PreTokenizer, RefusesWhatIsNoPattern) {
  EXPECT_EQ(user_error([] { make_split("(a", SplitBehavior::isolated, false); }),
            "the pattern (a is not a regular expression: end pattern with unmatched parenthesis");
  EXPECT_EQ(user_error([] { make_literal_split("", SplitBehavior::isolated, false); }),
            "a pre-tokenizer that splits at an empty string would never end");
}

}  // namespace
}  // namespace kumiko
