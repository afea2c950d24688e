#include "kumiko/data/dataset_builder.h"

#include "data/dataset_testing.h"
#include "kumiko/data/indexed_dataset.h"

namespace kumiko {
namespace {

constexpr int32_t eod = 256;

DatasetEncoder byte_encoder() {
  DatasetEncoder encoder;
  encoder.make_encode = [] {
    return [](std::string_view text, TextStart, std::vector<int32_t>& tokens) {
      for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
    };
  };
  encoder.vocab_size = 257;
  encoder.end_of_document = eod;
  encoder.cut_places = {.at_spaces = true, .at_newlines = true};
  return encoder;
}

std::vector<std::string> documents(const std::string& prefix) {
  const IndexedDataset dataset(prefix);
  std::vector<std::string> texts;
  for (int64_t d = 0; d < dataset.num_documents(); ++d) {
    std::string text;
    for (int64_t i = dataset.documents()[d]; i < dataset.documents()[d + 1]; ++i) {
      std::vector<int32_t> tokens(static_cast<size_t>(dataset.sizes()[i]));
      dataset.read(i, 0, tokens);
      for (const int32_t token : tokens) text += token == eod ? '|' : static_cast<char>(token);
    }
    texts.push_back(text);
  }
  return texts;
}

class BuildDataset : public ::testing::Test {
 protected:
  BuildDataset() {
    options_.output = folder_.path("out");
    options_.threads = 2;
  }
  TestFolder folder_;
  DatasetBuildOptions options_;
  using Texts = std::vector<std::string>;
};

TEST_F(BuildDataset, TextFilesAndJsonLines) {
  options_.input.files = {folder_.write("a.txt", "one\n\ntwo\n"),
                          folder_.write("b.jsonl", "{\"t\":\"three\"}\n{\"t\":\"\"}\n"), folder_.write("c.txt", ""),
                          folder_.write("d.json", "{\"t\":\"four\"}")};
  options_.input.json_key = "t";
  options_.append_eod = true;
  const DatasetBuildReport report = build_dataset(options_, byte_encoder());
  // A JSON line without text stays a document, as in Megatron, but gets no sequence and no end token; an empty file is
  // none.
  EXPECT_EQ(documents(options_.output), (Texts{"one\n\ntwo\n|", "three|", "", "four|"}));
  EXPECT_EQ(IndexedDataset(options_.output).num_sequences(), 3);
  EXPECT_EQ(report.num_documents, 4);
  EXPECT_EQ(report.num_tokens, 9 + 5 + 4 + 3);
  EXPECT_EQ(report.num_bytes, 9 + 14 + 9 + 12);
  EXPECT_EQ(report.token_type, TokenType::u16);
}

TEST_F(BuildDataset, SplitsText) {
  options_.input.files = {folder_.write("a.txt", "one\n\n\ntwo\nthree\n\n")};
  options_.input.split_on = DocumentEnd::blank_line;
  build_dataset(options_, byte_encoder());
  EXPECT_EQ(documents(options_.output), (Texts{"one", "two\nthree"}));
  options_.input.split_on = DocumentEnd::line;
  build_dataset(options_, byte_encoder());
  EXPECT_EQ(documents(options_.output), (Texts{"one", "two", "three"}));
}

// A text of many blocks, with documents shorter and longer than a block.
std::string long_text() {
  std::string text;
  uint32_t state = 1;
  while (text.size() < (size_t{3} << 20)) {
    state = state * 1664525 + 1013904223;
    const size_t words = text.size() > (size_t{1} << 20) && text.size() < (size_t{2} << 20) ? 100000 : state >> 24;
    for (size_t w = 0; w < words; ++w) text += w % 9 == 8 ? "end.\n" : "word ";
    text += "\n\n";
  }
  return text;
}

TEST_F(BuildDataset, IsTheSameForEveryNumberOfThreadsAndForCutDocuments) {
  options_.input.files = {folder_.write("a.txt", long_text()), folder_.write("b.txt", "end")};
  options_.append_eod = true;
  for (const DocumentEnd split_on : {DocumentEnd::file, DocumentEnd::blank_line, DocumentEnd::line}) {
    options_.input.split_on = split_on;
    std::vector<std::string> files;
    for (const int threads : {1, 4}) {
      for (const bool cut : {false, true}) {
        options_.threads = threads;
        DatasetEncoder encoder = byte_encoder();
        encoder.cut_places = {.at_spaces = cut, .at_newlines = cut};
        build_dataset(options_, encoder);
        files.push_back(read_text_file(options_.output + ".bin") + read_text_file(options_.output + ".idx"));
      }
    }
    for (const std::string& file : files) EXPECT_TRUE(file == files[0]);
  }
}

TEST_F(BuildDataset, ReportsProgress) {
  options_.input.files = {folder_.write("a.txt", long_text())};
  int64_t last = 0;
  DatasetBuildHooks hooks;
  hooks.on_progress = [&](int64_t done, int64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, static_cast<int64_t>(std::filesystem::file_size(options_.input.files[0])));
    last = done;
  };
  build_dataset(options_, byte_encoder(), hooks);
  EXPECT_EQ(last, static_cast<int64_t>(std::filesystem::file_size(options_.input.files[0])));
}

TEST_F(BuildDataset, LeavesWhatWasThereWhenItFails) {
  options_.input.files = {folder_.write("a.txt", "one")};
  build_dataset(options_, byte_encoder());
  const std::string before = read_text_file(options_.output + ".idx");
  options_.input.files = {folder_.write("b.jsonl", "{\"text\":\"fine\"}\nbroken\n")};
  EXPECT_TRUE(
      contains(error_message([&] { build_dataset(options_, byte_encoder()); }), "b.jsonl line 2: not valid JSON"));
  EXPECT_EQ(folder_.names(), (Texts{"a.txt", "b.jsonl", "out.bin", "out.idx"}));
  EXPECT_EQ(read_text_file(options_.output + ".idx"), before);
}

TEST_F(BuildDataset, CanBeCancelled) {
  options_.input.files = {folder_.write("a.txt", "one")};
  DatasetBuildHooks hooks;
  hooks.cancelled = [] { return true; };
  EXPECT_EQ(error_message([&] { build_dataset(options_, byte_encoder(), hooks); }),
            "interrupted; nothing was written to " + options_.output);
  EXPECT_EQ(folder_.names(), (Texts{"a.txt"}));
}

TEST_F(BuildDataset, SaysWhatIsWrong) {
  const auto message = [&](const DatasetEncoder& encoder) {
    return error_message([&] { build_dataset(options_, encoder); });
  };
  EXPECT_TRUE(contains(message(byte_encoder()), "no input: give text files (.txt) or JSON lines (.jsonl)"));
  options_.input.files = {folder_.write("a.txt", "")};
  EXPECT_EQ(message(byte_encoder()),
            "the input holds no text: " + folder_.path("a.txt") + "; expected at least one token");
  options_.threads = -1;
  EXPECT_TRUE(contains(message(byte_encoder()), "--threads -1: expected 1 to 4096"));
  options_.threads = 1;
  options_.append_eod = true;
  DatasetEncoder encoder = byte_encoder();
  encoder.end_of_document.reset();
  EXPECT_TRUE(contains(message(encoder), "--append-eod: the tokenizer has no end-of-document token"));
  options_.output.clear();
  EXPECT_TRUE(contains(message(byte_encoder()), "no output"));
}

// As one whole, so that no part of the same documents comes out otherwise in another layout.
TEST_F(BuildDataset, IsTheSameForEveryLayoutOfJson) {
  const Texts expected = {"one", "two", "three"};
  for (const char* text : {"{\"text\":\"one\"}\n{\"text\":\"two\"}\n{\"text\":\"three\"}\n",
                           "{\"text\":\"one\"}\r\n\r\n{\"text\":\"two\"}\r\n{\"text\":\"three\"}",
                           "{\"text\":\"one\"}\r{\"text\":\"two\"}\r{\"text\":\"three\"}\r",
                           "{\"text\":\"one\"}{\"text\":\"two\"} {\"text\":\"three\"}",
                           "\xEF\xBB\xBF\n{\"text\":\"one\"}\n{\"text\":\"two\"}{\"text\":\"three\"}\n",
                           "[{\"text\":\"one\"}, {\"text\":\"two\"}, {\"text\":\"three\"}]",
                           "[\n {\n  \"text\": \"one\"\n },\n {\"text\":\n\"two\"},{\"text\":\"three\"}\n]\n",
                           "{\n  \"text\": \"one\"\n}\n{\n  \"text\": \"two\"\n}\n{\n  \"text\": \"three\"\n}\n"}) {
    for (const char* name : {"a.JSONL", "b.jsonlines", "c.json", "d.txt", "e"}) {
      options_.input.files = {folder_.write(name, text)};
      build_dataset(options_, byte_encoder());
      EXPECT_EQ(documents(options_.output), expected) << name << ": " << text;
    }
  }
}

TEST_F(BuildDataset, RefusesOptionsThatHaveNothingToWorkOn) {
  options_.input.files = {folder_.write("a.txt", "one")};
  options_.input.json_key = "body";
  EXPECT_TRUE(contains(error_message([&] { build_dataset(options_, byte_encoder()); }),
                       "--json-key body: none of the inputs is JSON"));
  options_.input.json_key.reset();
  options_.input.skip_bad_lines = true;
  EXPECT_TRUE(contains(error_message([&] { build_dataset(options_, byte_encoder()); }),
                       "--skip-bad-lines: none of the inputs is JSON"));
}

TEST_F(BuildDataset, ForcesAFormat) {
  options_.input.files = {folder_.write("a.jsonl", "{\"text\": \"one\"}")};
  options_.input.format = TextFormat::text;
  build_dataset(options_, byte_encoder());
  EXPECT_EQ(documents(options_.output), (Texts{"{\"text\": \"one\"}"}));
  options_.input.files = {folder_.write("b.txt", "no JSON")};
  options_.input.format = TextFormat::jsonl;
  EXPECT_TRUE(
      contains(error_message([&] { build_dataset(options_, byte_encoder()); }), "b.txt line 1: not valid JSON"));
}

TEST_F(BuildDataset, LeavesOutBadLinesAndCountsThem) {
  options_.input.files = {folder_.write(
      "a.jsonl",
      "{\"text\": \"one\"}\nbroken\n{\"text\": null}\n{\"text\": \"two\"} {\"b\": 1}\n{\"text\": \"three\"}\n")};
  options_.input.skip_bad_lines = true;
  ::testing::internal::CaptureStderr();
  build_dataset(options_, byte_encoder());
  EXPECT_EQ(documents(options_.output), (Texts{"one", "three"}));
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(contains(said, "warning: 3 bad lines were left out, the first " + folder_.path("a.jsonl") +
                                 " line 2: not valid JSON at column 1: expected a value;"))
      << said;
  options_.input.files = {folder_.write("b.jsonl", "[1]\n")};
  EXPECT_TRUE(contains(error_message([&] { build_dataset(options_, byte_encoder()); }),
                       "expected at least one token; 1 bad line was left out, the first " + folder_.path("b.jsonl") +
                           " line 1: a JSON array; expected one object a line"));
}

TEST_F(BuildDataset, CountsWhatIsNotUtf8) {
  const std::string good = "caf\u00e9 na\u00efve \u65e5\u672c\n";
  options_.input.files = {folder_.write("a.txt", good + good + "bad \xE9 byte\n"),
                          folder_.write("b.jsonl", "{\"text\": \"x\"}\n{\"text\": \"caf\xE9 one\"}\n"),
                          folder_.write("c.txt", "")};
  ::testing::internal::CaptureStderr();
  build_dataset(options_, byte_encoder());
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(contains(
      said, "warning: 2 places were not UTF-8 and became U+FFFD, the first in " + folder_.path("a.txt") + " line 3; "))
      << said;
  EXPECT_TRUE(contains(said, "warning: no text in " + folder_.path("c.txt") + ": the file is empty")) << said;
  EXPECT_EQ(documents(options_.output), (Texts{good + good + "bad \uFFFD byte\n", "x", "caf\uFFFD one"}));

  options_.input.invalid_utf8 = InvalidUtf8::fail;
  EXPECT_TRUE(contains(error_message([&] { build_dataset(options_, byte_encoder()); }),
                       folder_.path("a.txt") + " line 3: byte 0xE9 is not UTF-8; convert the file"));
  options_.input.files = {options_.input.files[1]};
  options_.input.skip_bad_lines = true;
  build_dataset(options_, byte_encoder());
  EXPECT_EQ(documents(options_.output), (Texts{"x"}));
}

TEST_F(BuildDataset, RefusesOtherEncodings) {
  // Shift_JIS, EUC-JP and Latin 1.
  for (const char* text : {"\x8C\xE1\x94\x79\x82\xCD\x94\x4C\x82\xC5\x82\xA0\x82\xE9\x81\x42\n",
                           "\xB8\xE3\xC7\xDA\xA4\xCF\xC7\xAD\xA4\xC7\xA4\xA2\xA4\xEB\xA1\xA3\n",
                           "Le gar\xE7on \xE9t\xE9 \xE0 la for\xEAt o\xF9 il \xE9tait all\xE9\n"}) {
    options_.input.files = {folder_.write("a.txt", text)};
    options_.input.invalid_utf8 = InvalidUtf8::automatic;
    const std::string message = error_message([&] { build_dataset(options_, byte_encoder()); });
    EXPECT_TRUE(contains(message, folder_.path("a.txt") + " is not UTF-8: ")) << message;
    EXPECT_TRUE(contains(message, "the first in line 1; if it is of another encoding, convert it (iconv ")) << message;
    options_.input.invalid_utf8 = InvalidUtf8::replace;
    EXPECT_EQ(build_dataset(options_, byte_encoder()).num_documents, 1);
  }
}

TEST_F(BuildDataset, ChoosesTheTokenTypeByTheVocabulary) {
  options_.input.files = {folder_.write("a.txt", "one")};
  DatasetEncoder encoder = byte_encoder();
  encoder.vocab_size = 65499;
  EXPECT_EQ(build_dataset(options_, encoder).token_type, TokenType::u16);
  encoder.vocab_size = 65500;
  EXPECT_EQ(build_dataset(options_, encoder).token_type, TokenType::i32);
  EXPECT_EQ(documents(options_.output), (Texts{"one"}));
}

}  // namespace
}  // namespace kumiko
