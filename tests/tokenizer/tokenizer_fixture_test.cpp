// Ids against those of the packages `tokenizers` and `sentencepiece` (tests/reference/make_tokenizer_fixtures.py and
// make_tokenizer_families.py).
#include <nlohmann/json.hpp>
#include <thread>

#include "kumiko/base/file.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/tokenizer/tokenizer_stream.h"
#include "tokenizer/tokenizer_test_util.h"

namespace kumiko {
namespace {

struct Case {
  std::string bytes;
  bool is_text;
  std::vector<int32_t> ids;
  std::string decoded;  // by the package, where it was asked
};

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::vector<Case> read_cases(const std::string& folder) {
  std::vector<Case> cases;
  for (const auto& entry : nlohmann::json::parse(read_text_file(tokenizer_fixture(folder) / "cases.json"))) {
    const bool is_text = entry.contains("text");
    cases.push_back({is_text ? entry["text"].get<std::string>() : from_hex(entry["hex"].get<std::string>()), is_text,
                     entry["ids"].get<std::vector<int32_t>>(), entry.value("decoded", "")});
  }
  return cases;
}

// `exact`: decoding gives the text back, which tokens that take white space along, or steps that drop text, prevent.
void expect_ids(const Tokenizer& tokenizer, const std::string& folder, bool exact) {
  const std::vector<Case> cases = read_cases(folder);
  ASSERT_GT(cases.size(), 100u);
  for (const Case& expected : cases) {
    ASSERT_EQ(tokenizer.encode(expected.bytes), expected.ids) << expected.bytes;
    if (!exact || !expected.is_text) continue;
    ASSERT_EQ(tokenizer.decode(expected.ids), expected.bytes);
  }
}

TEST(TokenizerFixture, Gpt2) { expect_ids(load_tokenizer(tokenizer_fixture("gpt2")), "gpt2", true); }

TEST(TokenizerFixture, Llama3) { expect_ids(load_tokenizer(tokenizer_fixture("llama3")), "llama3", true); }

TEST(TokenizerFixture, AddedTokens) { expect_ids(load_tokenizer(tokenizer_fixture("added")), "added", false); }

TEST(TokenizerFixture, EveryPreTokenizerStep) {
  expect_ids(load_tokenizer(tokenizer_fixture("steps")), "steps", false);
}

// Ids, their text, and the text as it streams.
void expect_family(const std::string& folder) {
  SCOPED_TRACE(folder);
  if (!is_built_for([&] { load_tokenizer(tokenizer_fixture(folder)); })) return;
  const Tokenizer tokenizer = load_tokenizer(tokenizer_fixture(folder));
  for (const Case& expected : read_cases(folder)) {
    ASSERT_EQ(tokenizer.encode(expected.bytes), expected.ids) << expected.bytes;
    ASSERT_EQ(tokenizer.decode(expected.ids), expected.decoded);
    TokenStream stream(tokenizer);
    std::string streamed;
    for (const int32_t id : expected.ids) streamed += stream.push(id);
    ASSERT_EQ(streamed + stream.finish(), expected.decoded);
  }
}

TEST(TokenizerFixture, BpeOverCharacters) {
  for (const char* folder : {"llama2", "mistral", "gemma", "unknown", "some_bytes", "words", "byte_normalizer"}) {
    expect_family(folder);
  }
}

TEST(TokenizerFixture, Unigram) {
  for (const char* folder : {"t5", "albert", "unigram_bytes"}) expect_family(folder);
}

TEST(TokenizerFixture, SentencePieceModels) {
  for (const char* folder : {"sentencepiece_unigram", "sentencepiece_bpe"}) expect_family(folder);
}

TEST(TokenizerFixture, ManyThreadsShareOneTokenizer) {
  const Tokenizer tokenizer = load_tokenizer(tokenizer_fixture("llama3"));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { expect_ids(tokenizer, "llama3", true); });
}

}  // namespace
}  // namespace kumiko
