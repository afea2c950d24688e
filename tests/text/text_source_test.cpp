#include "kumiko/text/text_source.h"

#include <sys/stat.h>

#include <thread>

#include "data/dataset_testing.h"
#include "kumiko/data/cut_places.h"

namespace kumiko {
namespace {

std::vector<TextBlock> blocks_of(const std::vector<std::filesystem::path>& files, DocumentEnd end, size_t block_bytes,
                                 bool cut_documents) {
  TextInput input;
  input.files = files;
  if (is_json(end)) {
    input.format = end == DocumentEnd::json_line ? TextFormat::jsonl : TextFormat::json;
  } else {
    input.format = TextFormat::text;
    input.split_on = end;
  }
  TextSource::Options options{block_bytes, {}};
  if (cut_documents) {
    options.cut_document = [](std::string_view text) {
      return last_safe_cut(text, {.at_spaces = true, .at_newlines = true});
    };
  }
  TextSource source(input, options);
  std::vector<TextBlock> blocks;
  while (auto block = source.next()) blocks.push_back(std::move(*block));
  return blocks;
}

std::vector<std::string> texts_of(const std::vector<TextBlock>& blocks) {
  std::vector<std::string> texts;
  for (const TextBlock& block : blocks) texts.push_back(block.text + (block.ends_document ? "|" : "+"));
  return texts;
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

TEST(TextSource, CutsJsonBehindObjects) {
  const TestFolder folder;
  const auto file = folder.write("a.json", "[\n{\"t\":\"}\\\"{\"},\n{\"t\": {\"u\": [1]}}\n]\n");
  const auto blocks = blocks_of({file}, DocumentEnd::json_value, 8, false);
  EXPECT_EQ(texts_of(blocks), (std::vector<std::string>{"[\n{\"t\":\"}\\\"{\"}|", ",\n{\"t\": {\"u\": [1]}}\n]\n|"}));
  EXPECT_EQ(blocks[1].first_line, 2);
}

TEST(TextSource, NamesThePlaceInJsonThatIsCutOffOrNoObjects) {
  const TestFolder folder;
  const auto message = [&](const std::string& text) {
    const std::string file = folder.write("a.json", text);
    return error_message([&] { blocks_of({file}, DocumentEnd::json_value, 1000, false); }).substr(file.size());
  };
  EXPECT_EQ(message("[\n{},\n{\"a\": ["),
            " line 3: the file ends inside the JSON object that begins here: it is cut off");
  EXPECT_EQ(message("[{},\n{}\n"), " line 3: the file ends inside its JSON array: it is cut off");
  EXPECT_TRUE(
      contains(message("{}\n7"), " line 2: found '7' where an object or an array begins; expected JSON objects"));
  EXPECT_TRUE(contains(message("[{} {}]"), " line 1: found '{' where ',' or ']' goes on the array"));
  EXPECT_TRUE(contains(message("[\"a\"]"), " line 1: found '\"' where an object of the array begins"));
}

TEST(TextSource, ReadsPipes) {
  const TestFolder folder;
  const std::string pipe = folder.path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::string text;
  for (int i = 0; i < 30000; ++i) text += "{\"text\": \"word\"}\n";
  std::thread writer([&] { std::ofstream(pipe) << text; });
  TextInput input;
  input.files = {pipe};
  TextSource source(input, {});
  EXPECT_EQ(source.total_bytes(), 0);
  std::string joined;
  while (const auto block = source.next()) {
    EXPECT_EQ(block->end, DocumentEnd::json_line);
    joined += block->text;
  }
  writer.join();
  EXPECT_TRUE(joined == text);
}

TEST(TextSource, RefusesStandardInputTwice) {
  TextInput input;
  input.files = {"-", "-"};
  EXPECT_EQ(error_message([&] { TextSource(input, {}); }),
            "--input: standard input (-) is given twice; it can be read once");
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
