#include "kumiko/text/text_reader.h"

#include "data/dataset_testing.h"

namespace kumiko {
namespace {

std::string utf16(std::u16string_view text, bool big) {
  std::string bytes;
  for (const char16_t unit : text) {
    const char low = static_cast<char>(unit & 0xFF);
    const char high = static_cast<char>(unit >> 8);
    bytes += big ? std::string{high, low} : std::string{low, high};
  }
  return bytes;
}

TEST(TextReader, ConvertsUtf16ByItsMark) {
  const TestFolder folder;
  for (const bool big : {false, true}) {
    EXPECT_EQ(read_whole_text(folder.write("a", utf16(u"\uFEFF\u543E\u8F29 cat \U0001F600\r\n", big))),
              "\u543E\u8F29 cat \U0001F600\r\n");
    // Half a pair, and half a unit at the end: bytes that are not UTF-8, to be counted with all others.
    EXPECT_EQ(
        read_whole_text(folder.write("b", utf16(std::u16string(u"\uFEFFa") + char16_t(0xD83D) + u"b", big) + "x")),
        "a\xFF"
        "b\xFF");
  }
  // Pairs across all borders of what is read at a time.
  std::u16string long_text = u"\uFEFFx";
  std::string expected = "x";
  for (int i = 0; i < 100000; ++i) {
    long_text += u"\U0001F600";
    expected += "\U0001F600";
  }
  EXPECT_TRUE(read_whole_text(folder.write("c", utf16(long_text, false))) == expected);
}

TEST(TextReader, TakesOffTheByteOrderMarkAndMendsLineEndsOfCrAlone) {
  const TestFolder folder;
  EXPECT_EQ(read_whole_text(folder.write("a", "\xEF\xBB\xBFone\ntwo")), "one\ntwo");
  EXPECT_EQ(read_whole_text(folder.write("b", "one\rtwo\r\rthree\r")), "one\ntwo\n\nthree\n");
  EXPECT_EQ(read_whole_text(folder.write("c", "one\r\ntwo\rthree")), "one\r\ntwo\rthree");
  EXPECT_EQ(read_whole_text(folder.write("d", "")), "");
  std::string text = "a\r";
  while (text.size() < 3 * sample_bytes) text += "word\r\n";
  std::string expected = text;
  expected[1] = '\n';
  EXPECT_TRUE(read_whole_text(folder.write("e", text)) == text) << "its lines end with CR LF";
}

// Made by the tools themselves, where they are there.
TEST(TextReader, UnpacksWhateverTheName) {
  const TestFolder folder;
  std::string text;
  for (int i = 0; i < 50000; ++i) text += "line " + std::to_string(i) + "\n";
  folder.write("text", text);
  for (const char* tool : {"gzip", "zstd", "xz", "bzip2"}) {
    const std::string packed = folder.path(std::string(tool) + ".txt");
    const std::string command = std::string(tool) + " -c " + folder.path("text") + " >" + packed + " 2>/dev/null";
    if (std::system(command.c_str()) != 0) continue;
    try {
      EXPECT_TRUE(read_whole_text(packed) == text) << tool;
    } catch (const Error& error) {
      ASSERT_TRUE(contains(error.what(), "this build has no libarchive")) << error.what();
      return;
    }
    const std::string bytes = read_text_file(packed);
    // Two in a row, as cat joins them.
    EXPECT_TRUE(read_whole_text(folder.write("two", bytes + bytes)) == text + text) << tool;
    const std::string cut = folder.write("cut", bytes.substr(0, bytes.size() / 2));
    EXPECT_TRUE(contains(error_message([&] { read_whole_text(cut); }),
                         "cannot read " + cut + ": its " + tool + " content is damaged or cut off"))
        << tool;
  }
}

TEST(TextReader, NamesWhatCannotBeRead) {
  const TestFolder folder;
  const std::string zip = folder.write("a.txt", "PK\x03\x04");
  EXPECT_EQ(error_message([&] { read_whole_text(zip); }),
            "cannot read " + zip + ": it is a ZIP archive; unpack it first");
  EXPECT_EQ(error_message([] { read_whole_text("/none.txt"); }), "cannot read /none.txt: No such file or directory");
}

}  // namespace
}  // namespace kumiko
