#include "kumiko/tokenizer/token_trie.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>

namespace kumiko {
namespace {

using Prefixes = std::vector<std::pair<size_t, int32_t>>;

Prefixes prefixes(const TokenTrie& trie, std::string_view text) {
  Prefixes found;
  trie.each_prefix(text, [&](size_t length, int32_t id) { found.emplace_back(length, id); });
  return found;
}

TEST(TokenTrie, FindsEveryTokenThatATextBeginsWith) {
  std::mt19937 random(4);
  std::vector<std::string> tokens = {"", std::string(1, '\0'), "\xFF\xFE"};
  for (int i = 0; i < 3000; ++i) {
    std::string& token = tokens.emplace_back();
    for (uint32_t size = 1 + random() % 6; size > 0; --size) {
      token += static_cast<char>(random() % 5 == 0 ? random() % 256 : 'a' + random() % 4);
    }
  }
  const TokenTrie trie(tokens);
  for (int i = 0; i < 500; ++i) {
    std::string text = tokens[random() % tokens.size()] + tokens[random() % tokens.size()];
    Prefixes expected;
    for (size_t length = 1; length <= text.size(); ++length) {
      int32_t last = -1;  // of equal tokens
      for (size_t id = 0; id < tokens.size(); ++id) {
        if (tokens[id] == text.substr(0, length)) last = static_cast<int32_t>(id);
      }
      if (last >= 0) expected.emplace_back(length, last);
    }
    ASSERT_EQ(prefixes(trie, text), expected);
  }
  EXPECT_EQ(trie.find("\xFF\xFE"), 2);
  EXPECT_EQ(trie.find("\xFF"), -1);
  EXPECT_EQ(TokenTrie({}).find("a"), -1);
}

}  // namespace
}  // namespace kumiko
