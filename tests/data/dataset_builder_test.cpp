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
  options_.inputs = {folder_.write("a.txt", "one\n\ntwo\n"),
                     folder_.write("b.jsonl", "{\"t\":\"three\"}\n{\"t\":\"\"}\n"), folder_.write("c.txt", ""),
                     folder_.write("d.json", "{\"t\":\"four\"}")};
  options_.json_key = "t";
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
  options_.inputs = {folder_.write("a.txt", "one\n\n\ntwo\nthree\n\n")};
  options_.split_on = DocumentEnd::blank_line;
  build_dataset(options_, byte_encoder());
  EXPECT_EQ(documents(options_.output), (Texts{"one", "two\nthree"}));
  options_.split_on = DocumentEnd::line;
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
  options_.inputs = {folder_.write("a.txt", long_text()), folder_.write("b.txt", "end")};
  options_.append_eod = true;
  for (const DocumentEnd split_on : {DocumentEnd::file, DocumentEnd::blank_line, DocumentEnd::line}) {
    options_.split_on = split_on;
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
  options_.inputs = {folder_.write("a.txt", long_text())};
  int64_t last = 0;
  DatasetBuildHooks hooks;
  hooks.on_progress = [&](int64_t done, int64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, static_cast<int64_t>(std::filesystem::file_size(options_.inputs[0])));
    last = done;
  };
  build_dataset(options_, byte_encoder(), hooks);
  EXPECT_EQ(last, static_cast<int64_t>(std::filesystem::file_size(options_.inputs[0])));
}

TEST_F(BuildDataset, LeavesWhatWasThereWhenItFails) {
  options_.inputs = {folder_.write("a.txt", "one")};
  build_dataset(options_, byte_encoder());
  const std::string before = read_text_file(options_.output + ".idx");
  options_.inputs = {folder_.write("b.jsonl", "{\"text\":\"fine\"}\nbroken\n")};
  EXPECT_TRUE(
      contains(error_message([&] { build_dataset(options_, byte_encoder()); }), "b.jsonl line 2: not valid JSON"));
  EXPECT_EQ(folder_.names(), (Texts{"a.txt", "b.jsonl", "out.bin", "out.idx"}));
  EXPECT_EQ(read_text_file(options_.output + ".idx"), before);
}

TEST_F(BuildDataset, CanBeCancelled) {
  options_.inputs = {folder_.write("a.txt", "one")};
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
  options_.inputs = {"a.txt.gz"};
  EXPECT_EQ(message(byte_encoder()),
            "cannot read a.txt.gz: .gz files are not supported; expected plain text, or .jsonl with one JSON object a "
            "line");
  options_.inputs = {folder_.write("a.txt", "")};
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

TEST_F(BuildDataset, ChoosesTheTokenTypeByTheVocabulary) {
  options_.inputs = {folder_.write("a.txt", "one")};
  DatasetEncoder encoder = byte_encoder();
  encoder.vocab_size = 65499;
  EXPECT_EQ(build_dataset(options_, encoder).token_type, TokenType::u16);
  encoder.vocab_size = 65500;
  EXPECT_EQ(build_dataset(options_, encoder).token_type, TokenType::i32);
  EXPECT_EQ(documents(options_.output), (Texts{"one"}));
}

}  // namespace
}  // namespace kumiko
