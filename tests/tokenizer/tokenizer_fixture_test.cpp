// Ids against those of the Hugging Face `tokenizers` package (tests/reference/make_tokenizer_fixtures.py).
#include <nlohmann/json.hpp>
#include <thread>

#include "kumiko/base/file.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_test_util.h"

namespace kumiko {
namespace {

struct Case {
  std::string bytes;
  bool is_text;
  std::vector<int32_t> ids;
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
                     entry["ids"].get<std::vector<int32_t>>()});
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

TEST(TokenizerFixture, ManyThreadsShareOneTokenizer) {
  const Tokenizer tokenizer = load_tokenizer(tokenizer_fixture("llama3"));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { expect_ids(tokenizer, "llama3", true); });
}

}  // namespace
}  // namespace kumiko
