#include "kumiko/text/file_kind.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

using namespace std::string_literals;

JsonLayout layout(const std::string& text) { return json_layout(text, true); }

TEST(JsonLayoutOf, IsToldByContent) {
  EXPECT_EQ(layout("{\"a\": 1}\n{\"a\": 2}\n"), JsonLayout::lines);
  EXPECT_EQ(layout("\n \r\n{\"a\": 1}"), JsonLayout::lines);
  EXPECT_EQ(layout("{}{\"a\":1}\n{}"), JsonLayout::lines);
  EXPECT_EQ(layout("broken\n{\"a\": 1}\n{\"a\": 2}\n"), JsonLayout::lines);
  EXPECT_EQ(layout("{\n\"a\": 1}\n"), JsonLayout::values);
  EXPECT_EQ(layout("{\"a\": 1}{\"a\": 2}"), JsonLayout::values);
  EXPECT_EQ(layout("[{\"a\": 1},\n{}]"), JsonLayout::values);
  for (const char* text : {"", " \n", "Once upon a time", "{Chapter 1}", "[Music]", "[1, 2]", "{'a': 1}", "{\"a\": 1",
                           "{\\rtf1}", "One\n{\"a\": 1}\nThree\nFour\n", "\"a\"\n\"b\"\n", "{ int x; }"}) {
    EXPECT_EQ(layout(text), JsonLayout::none) << text;
  }
  // Where more follows, a beginning is enough.
  EXPECT_EQ(json_layout("{\"text\": \"Once upon", false), JsonLayout::lines);
  EXPECT_EQ(json_layout("{\n \"text\": \"Once upon", false), JsonLayout::values);
  EXPECT_EQ(json_layout("[{\"text\": tru", false), JsonLayout::values);
  EXPECT_EQ(json_layout("{\"text\" \"Once upon", false), JsonLayout::none);
}

TEST(IsNamedJson, InAnyCaseAndCompressed) {
  for (const char* name : {"a.json", "a.JSONL", "a.ndjson", "a.jsonlines", "a.Jsonl.GZ", "a.json.zst"}) {
    EXPECT_TRUE(is_named_json(name)) << name;
  }
  for (const char* name : {"a.txt", "json", "jsonl.txt", "a.gz", ""}) EXPECT_FALSE(is_named_json(name)) << name;
}

TEST(WhyNoText, NamesWhatItIs) {
  const auto why = [](const std::string& begin) {
    const std::string reason = why_no_text(begin, false);
    return reason.substr(0, reason.find(';'));
  };
  EXPECT_EQ(why("PK\x03\x04 rest"), "a ZIP archive");
  EXPECT_EQ(why("PAR1\x15\x04"), "a Parquet file");
  EXPECT_EQ(why("%PDF-1.7"), "a PDF document");
  EXPECT_EQ(why("\x7F"
                "ELF\2"),
            "a program (ELF)");
  EXPECT_EQ(why(std::string(257, 'a') + "ustar"
                                        "00 and"),
            "a tar archive");
  EXPECT_EQ(why("version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer, not the file that it stands for");
  EXPECT_EQ(why("ab\x1B$B"), "ISO-2022-JP text");
  EXPECT_EQ(why("\xFF\xFE\0\0a\0\0\0"s), "UTF-32 text");
  EXPECT_EQ(why("o\0n\0e\0 \0t\0w\0o\0!\0"s), "UTF-16 text without a byte order mark, by its NUL bytes");
  EXPECT_EQ(why("text\0and more of it"s), "binary: byte 4 is NUL");
  EXPECT_EQ(why_no_text("text\0and more of it"s, true), "");
  for (const std::string& text : {"\xFF\xFEo\0"s, "Plain text"s, ""s, "\xEF\xBB\xBFtext"s}) EXPECT_EQ(why(text), "");
}

TEST(CompressionOf, IsToldByTheFirstBytes) {
  EXPECT_EQ(compression_of("\x1F\x8B\x08"), "gzip");
  EXPECT_EQ(compression_of("\x28\xB5\x2F\xFD"), "zstd");
  EXPECT_EQ(compression_of("BZh91AY&SY"), "bzip2");
  EXPECT_EQ(compression_of("BZh is no archive"), "");
  EXPECT_EQ(compression_of("text"), "");
}

}  // namespace
}  // namespace kumiko
