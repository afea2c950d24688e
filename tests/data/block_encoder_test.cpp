#include "kumiko/data/block_encoder.h"

#include "data/dataset_testing.h"

namespace kumiko {
namespace {

// One token a byte.
void encode_bytes(std::string_view text, TextStart, std::vector<int32_t>& tokens) {
  for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
}

EncodedBlock encode(const std::string& text, DocumentEnd end, bool ends_document = true) {
  TextBlock block;
  block.text = text;
  block.first_line = 10;
  block.ends_document = ends_document;
  block.end = end;
  TextInput input;
  input.files = {"a.jsonl"};
  return encode_block(block, input, encode_bytes);
}

// The documents of a block; the last one, if it goes on, with "+".
std::vector<std::string> documents(const EncodedBlock& block) {
  std::vector<std::string> texts;
  int64_t begin = 0;
  const auto text = [&](int64_t end) {
    std::string bytes;
    for (; begin < end; ++begin) bytes += static_cast<char>(block.tokens[static_cast<size_t>(begin)]);
    return bytes;
  };
  for (const int64_t end : block.ends) texts.push_back(text(end));
  const auto size = static_cast<int64_t>(block.tokens.size());
  if (begin < size) texts.push_back(text(size) + "+");
  return texts;
}

using Texts = std::vector<std::string>;

TEST(EncodeBlock, AFileIsOneDocument) {
  EXPECT_EQ(documents(encode("one\n\ntwo\n", DocumentEnd::file)), (Texts{"one\n\ntwo\n"}));
  EXPECT_EQ(documents(encode("one\n", DocumentEnd::file, false)), (Texts{"one\n+"}));
}

TEST(EncodeBlock, LinesLoseTheirEnds) {
  // Empty documents are for the writer to drop.
  EXPECT_EQ(documents(encode("one\r\n\n two \nthree", DocumentEnd::line)), (Texts{"one", "", " two ", "three"}));
  EXPECT_EQ(documents(encode("one\ntwo", DocumentEnd::line, false)), (Texts{"one", "two+"}));
}

TEST(EncodeBlock, ParagraphsKeepTheirInnerLineEnds) {
  EXPECT_EQ(documents(encode("\none\ntwo\n \t\n\nthree\r\n", DocumentEnd::blank_line)),
            (Texts{"", "one\ntwo", "", "three"}));
  EXPECT_EQ(documents(encode("one\n\ntwo\n", DocumentEnd::blank_line, false)), (Texts{"one", "two\n+"}));
}

TEST(EncodeBlock, JsonLines) {
  const EncodedBlock block = encode("{\"text\": \"one\\n\\u00e9\", \"id\": 1}\n\n{\"text\": \"\"}\n{\"text\":\"two\"}",
                                    DocumentEnd::json_line);
  EXPECT_EQ(documents(block), (Texts{"one\n\u00e9", "", "two"}));
  EXPECT_TRUE(block.keep_empty_documents);
}

TEST(EncodeBlock, NamesFileAndLineOfBadJson) {
  const auto message = [](const std::string& line) {
    return error_message([&] { encode("{\"text\": \"fine\"}\n" + line + "\n", DocumentEnd::json_line); });
  };
  const std::string broken = message("{\"text\": \"cut");
  EXPECT_EQ(broken,
            "a.jsonl line 11: not valid JSON at column 14: it ends inside a string; expected one JSON object a line "
            "(--format "
            "text takes the file as plain text)");
  EXPECT_EQ(message("[1]"), "a.jsonl line 11: a JSON array; expected one object a line");
  EXPECT_EQ(
      message("{\"content\": \"x\", \"title\": \"y\", \"id\": 3}"),
      "a.jsonl line 11: no key \"text\"; keys with text in this line: content, title; choose one with --json-key");
  EXPECT_EQ(message("{\"text\": [\"x\"]}"),
            "a.jsonl line 11: \"text\" is a JSON array; expected a string; keys with text in this line: none");
  EXPECT_EQ(message("{\"text\": \"x\", \"text\": \"y\"}"),
            "a.jsonl line 11: the key \"text\" is given 2 times; expected it once");
}

// Only the first document of a block can have begun before.
TEST(EncodeBlock, SaysWhichTextGoesOn) {
  for (const DocumentEnd end : {DocumentEnd::file, DocumentEnd::line, DocumentEnd::blank_line}) {
    TextBlock block;
    block.text = "one\n\ntwo\n";
    block.continues_document = true;
    std::vector<TextStart> starts;
    block.end = end;
    TextInput input;
    input.files = {"a.txt"};
    encode_block(block, input,
                 [&](std::string_view, TextStart start, std::vector<int32_t>&) { starts.push_back(start); });
    ASSERT_FALSE(starts.empty());
    EXPECT_EQ(starts[0], TextStart::inside);
    for (size_t i = 1; i < starts.size(); ++i) EXPECT_EQ(starts[i], TextStart::whole);
  }
}

}  // namespace
}  // namespace kumiko
