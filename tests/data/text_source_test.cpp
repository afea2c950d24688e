#include "kumiko/data/text_source.h"

#include "data/dataset_testing.h"

namespace kumiko {
namespace {

std::vector<TextBlock> blocks_of(const std::vector<std::filesystem::path>& files, DocumentEnd end, size_t block_bytes,
                                 bool cut_documents) {
  TextSource source(files, std::vector<DocumentEnd>(files.size(), end), {block_bytes, {cut_documents, cut_documents}});
  std::vector<TextBlock> blocks;
  while (auto block = source.next()) blocks.push_back(std::move(*block));
  return blocks;
}

std::vector<std::string> texts_of(const std::vector<TextBlock>& blocks) {
  std::vector<std::string> texts;
  for (const TextBlock& block : blocks) texts.push_back(block.text + (block.ends_document ? "|" : "+"));
  return texts;
}

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

TEST(TextSource, CutsAtLines) {
  const TestFolder folder;
  const auto file = folder.write("a.txt", "one\ntwo\nthree\nfour");
  const auto blocks = blocks_of({file}, DocumentEnd::line, 10, false);
  EXPECT_EQ(texts_of(blocks), (std::vector<std::string>{"one\ntwo\n|", "three\n|", "four|"}));
  EXPECT_EQ(blocks[1].first_line, 3);
  EXPECT_EQ(blocks[2].first_line, 4);
  EXPECT_EQ(blocks[2].bytes_read, 18);
}

TEST(TextSource, CutsAtBlankLines) {
  const TestFolder folder;
  const auto file = folder.write("a.txt", "one two\nthree\n\n \t\r\nfour\nfive\n\nsix");
  EXPECT_EQ(texts_of(blocks_of({file}, DocumentEnd::blank_line, 28, false)),
            (std::vector<std::string>{"one two\nthree\n\n \t\r\n|", "four\nfive\n\nsix|"}));
  EXPECT_EQ(texts_of(blocks_of({file}, DocumentEnd::blank_line, 8, true)),
            (std::vector<std::string>{"one+", " two\n+", "three\n\n|", " \t\r\n|", "four\n+", "five\n\n|", "six|"}));
}

TEST(TextSource, GrowsABlockThatCannotBeCut) {
  const TestFolder folder;
  const auto file = folder.write("a.txt", "one two three four");
  EXPECT_EQ(texts_of(blocks_of({file}, DocumentEnd::file, 4, false)),
            (std::vector<std::string>{"one two three four|"}));
  EXPECT_EQ(texts_of(blocks_of({file}, DocumentEnd::json_line, 4, true)),
            (std::vector<std::string>{"one two three four|"}));
  EXPECT_EQ(texts_of(blocks_of({file}, DocumentEnd::file, 10, true)),
            (std::vector<std::string>{"one two+", " three+", " four|"}));
}

TEST(TextSource, GoesThroughFilesInOrder) {
  const TestFolder folder;
  const auto a = folder.write("a.txt", "one\n");
  const auto b = folder.write("b.txt", "");
  const auto c = folder.write("c.txt", "two");
  const auto blocks = blocks_of({a, b, c}, DocumentEnd::file, 100, false);
  EXPECT_EQ(texts_of(blocks), (std::vector<std::string>{"one\n|", "two|"}));
  EXPECT_EQ(blocks[1].file, 2U);
  EXPECT_EQ(blocks[1].first_line, 1);
  EXPECT_EQ(blocks[1].bytes_read, 7);
}

// Whatever the size of the blocks, together they are the file.
TEST(TextSource, LosesNothing) {
  const TestFolder folder;
  std::string text;
  for (int i = 0; i < 400; ++i) text += i % 11 == 0 ? "\n\n" : i % 7 == 0 ? "end.\n" : "word ";
  const auto file = folder.write("a.txt", text);
  for (const size_t size : {1, 2, 3, 7, 64, 100000}) {
    for (const DocumentEnd end : {DocumentEnd::file, DocumentEnd::blank_line, DocumentEnd::line}) {
      std::string joined;
      for (const TextBlock& block : blocks_of({file}, end, size, true)) joined += block.text;
      EXPECT_EQ(joined, text);
    }
  }
}

TEST(TextSource, NamesAFileThatCannotBeRead) {
  const TestFolder folder;
  EXPECT_EQ(error_message([&] { blocks_of({"/none.txt"}, DocumentEnd::file, 10, false); }),
            "cannot read /none.txt: No such file or directory");
  const std::string name = folder.path("");
  EXPECT_EQ(error_message([&] { blocks_of({name}, DocumentEnd::file, 10, false); }),
            "cannot read " + name + ": it is a folder; give its files, as in " + name + "/*");
}

}  // namespace
}  // namespace kumiko
