#include "kumiko/text/text_corpus.h"

#include "data/dataset_testing.h"
#include "kumiko/tokenizer/bpe_train.h"
#include "kumiko/tokenizer/tokenizer_json.h"

namespace kumiko {
namespace {

std::string trained_on(const std::filesystem::path& file, size_t chunk_bytes, int64_t threads) {
  TextInput input;
  input.files = {file};
  const BpeTrainOptions options{.vocab_size = 400, .threads = threads};
  return byte_level_bpe_json(train_bpe(options, make_text_corpus(input, chunk_bytes).corpus).vocabulary,
                             options.special_tokens);
}

// Neither the syntax of JSON nor its escapes are learned; documents in lines, in an array or as text are the same
// texts.
TEST(TextCorpus, LearnsTheTextsAlone) {
  const TestFolder folder;
  std::string lines;
  std::string array = "[";
  std::string plain;
  for (int i = 0; i < 600; ++i) {
    const std::string word = i % 3 == 0 ? "kumo mori" : i % 3 == 1 ? "\u65e5\u672c" : "noka kumo";
    const std::string escaped = i % 3 == 1 ? "\\u65e5\\u672c" : word;
    lines += "{\"text\": \"" + escaped + "\\n\", \"meta\": {\"id\": " + std::to_string(i) + "}}\n";
    array += std::string(i > 0 ? ",\n" : "") + "{\"text\": \"" + escaped + "\\n\"}";
    plain += word + "\n";
  }
  const std::string expected = trained_on(folder.write("a.txt", plain), 1 << 20, 1);
  EXPECT_TRUE(contains(expected, "kumo"));
  EXPECT_FALSE(contains(expected, "meta"));
  for (const size_t chunk : {200, 5000, 1 << 20}) {
    for (const int64_t threads : {1, 4}) {
      EXPECT_EQ(trained_on(folder.write("a.txt", plain), chunk, threads), expected);
      EXPECT_EQ(trained_on(folder.write("a.jsonl", lines), chunk, threads), expected);
      EXPECT_EQ(trained_on(folder.write("b", lines), chunk, threads), expected);
      EXPECT_EQ(trained_on(folder.write("c.json", array + "]"), chunk, threads), expected);
    }
  }
}

TEST(TextCorpus, ReportsWhatWasReplaced) {
  const TestFolder folder;
  TextInput input;
  input.files = {folder.write("a.jsonl", "{\"text\": \"caf\xE9\"}\n{\"text\": \"\u00e9\u00e9\"}\n")};
  const TextCorpus texts = make_text_corpus(input);
  train_bpe({.vocab_size = 300, .min_frequency = 1}, texts.corpus);
  ::testing::internal::CaptureStderr();
  texts.report->finish();
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(
      contains(said, "1 place was not UTF-8 and became U+FFFD, the first in " + folder.path("a.jsonl") + " line 1"))
      << said;
}

}  // namespace
}  // namespace kumiko
