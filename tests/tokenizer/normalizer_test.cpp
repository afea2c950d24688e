#include "kumiko/tokenizer/normalizer.h"

#include "tokenizer/tokenizer_test_util.h"

namespace kumiko {
namespace {

std::string normalized(const Normalizer& normalizer, const std::string& text, TextStart start = TextStart::whole) {
  NormalizedText result{text, start};
  normalizer.apply(result);
  return result.text;
}

TextStart start_after(const Normalizer& normalizer, const std::string& text) {
  NormalizedText result{text};
  normalizer.apply(result);
  return result.start;
}

TEST(Normalizer, PutsAPrefixOnlyWhereATextBegins) {
  const auto prepend = make_prepend("_");
  EXPECT_EQ(normalized(*prepend, "a"), "_a");
  EXPECT_EQ(normalized(*prepend, "a", TextStart::behind), "_a");
  EXPECT_EQ(normalized(*prepend, "a", TextStart::inside), "a");
  EXPECT_EQ(normalized(*prepend, ""), "");
}

TEST(Normalizer, StripsWhiteSpace) {
  EXPECT_EQ(normalized(*make_strip(true, true), " \u3000a b\n"), "a b");
  EXPECT_EQ(normalized(*make_strip(true, false), " a "), "a ");
  EXPECT_EQ(normalized(*make_strip(true, true), " a ", TextStart::inside), " a");
  EXPECT_EQ(normalized(*make_strip(true, true), " \n"), "");
}

// The package compares offsets in the text as it came.
TEST(Normalizer, KnowsWhetherTheFirstCharacterIsStillThere) {
  EXPECT_EQ(start_after(*make_strip(true, true), "a "), TextStart::whole);
  EXPECT_EQ(start_after(*make_strip(true, true), " a"), TextStart::behind);
  EXPECT_EQ(start_after(*make_literal_replace(" ", "_"), " a"), TextStart::whole);
  EXPECT_EQ(start_after(*make_literal_replace("  ", "_"), "  a"), TextStart::behind);
  EXPECT_EQ(start_after(*make_literal_replace(" ", ""), " a"), TextStart::behind);
  EXPECT_EQ(start_after(*make_nmt(),
                        "\x01"
                        "a"),
            TextStart::behind);
}

TEST(Normalizer, ReplacesAndChangesCharacters) {
  EXPECT_EQ(normalized(*make_regex_replace(" {2,}", "_"), "a   b c  "), "a_b c_");
  EXPECT_EQ(normalized(*make_lowercase(), "ÀB\u0130\u1E9EΣ\u1C89"), "àbi\u0307ßσ\u1C8A");
  EXPECT_EQ(normalized(*make_strip_accents(), "e\u0301a\u0308"), "ea");
  EXPECT_EQ(normalized(*make_nmt(), "a\tb\x01\u200B\uFEFF"), "a b  ");
  EXPECT_EQ(normalized(*make_byte_alphabet_normalizer(), " é"), "\u0120Ã©");
  EXPECT_EQ(user_error([] { make_literal_replace("", "x"); }),
            "a normalizer that replaces an empty string would never end");
}

TEST(Normalizer, KnowsTheFormsOfUnicode) {
  if (!is_built_for([] { make_unicode_normalizer(UnicodeForm::nfc); })) GTEST_SKIP() << "built without utf8proc";
  const std::string text = "\u00C5A\u030A\uFB01\uAC00e\u0323\u0301";
  EXPECT_EQ(normalized(*make_unicode_normalizer(UnicodeForm::nfc), text), "\u00C5\u00C5\uFB01\uAC00\u1EB9\u0301");
  EXPECT_EQ(normalized(*make_unicode_normalizer(UnicodeForm::nfd), text),
            "A\u030AA\u030A\uFB01\u1100\u1161e\u0323\u0301");
  EXPECT_EQ(normalized(*make_unicode_normalizer(UnicodeForm::nfkc), text), "\u00C5\u00C5fi\uAC00\u1EB9\u0301");
  // A character younger than the package's tables stays.
  EXPECT_EQ(normalized(*make_unicode_normalizer(UnicodeForm::nfkc), "\u32FF\uFB01"), "\u32FFfi");
}

TEST(Normalizer, RefusesToGrowWithoutBound) {
  std::vector<std::unique_ptr<Normalizer>> steps;
  for (int i = 0; i < 60; ++i) steps.push_back(make_literal_replace("a", "aa"));
  const auto chain = make_normalizer_chain(std::move(steps));
  EXPECT_NE(user_error([&] { normalized(*chain, "a"); }).find("normalizer makes more than 262144 bytes of a text"),
            std::string::npos);
  const auto long_content = make_literal_replace("a", std::string(100000, 'b'));
  EXPECT_NE(user_error([&] { normalized(*long_content, "aaaa"); }).find("64 times what it was"), std::string::npos);
  EXPECT_EQ(normalized(*make_literal_replace("a", "bbbbbbbbbbbbbbbbbb"), "aa").size(), 36u);
}

TEST(Normalizer, RefusesDamagedRules) {
  if (!is_built_for([] { make_unicode_normalizer(UnicodeForm::nfc); })) GTEST_SKIP() << "built without utf8proc";
  EXPECT_NO_THROW(make_precompiled(""));
  EXPECT_EQ(user_error([] { make_precompiled("abc"); }),
            "precompiled_charsmap is damaged: its 3 bytes do not hold the 0 of its trie");
  EXPECT_EQ(user_error([] { make_precompiled(std::string("\x10\0\0\0abcd", 8)); }),
            "precompiled_charsmap is damaged: its 8 bytes do not hold the 16 of its trie");
  EXPECT_EQ(user_error([] { make_precompiled(std::string("\x04\0\0\0\xFF\xFF\xFF\x7F", 8)); }),
            "precompiled_charsmap is damaged: its trie leads to the place 536870911 of 1");
}

}  // namespace
}  // namespace kumiko
