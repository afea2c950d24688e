#include "kumiko/tokenizer/bpe.h"

#include <map>
#include <random>

#include "kumiko/tokenizer/bpe_byte_map.h"
#include "kumiko/tokenizer/bpe_cache.h"
#include "kumiko/tokenizer/bpe_model.h"
#include "tokenizer/tokenizer_test_util.h"

namespace kumiko {
namespace {

BpeVocabulary bytes_only() {
  BpeVocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte) vocabulary.tokens.emplace_back(1, static_cast<char>(byte));
  return vocabulary;
}

void add_merge(BpeVocabulary& vocabulary, int32_t left, int32_t right) {
  vocabulary.merges.push_back({left, right, static_cast<int32_t>(vocabulary.tokens.size())});
  vocabulary.tokens.push_back(vocabulary.tokens[static_cast<size_t>(left)] +
                              vocabulary.tokens[static_cast<size_t>(right)]);
}

// The definition: find the pair of lowest rank, the leftmost of equals; join it; again.
std::vector<int32_t> encode_naively(const BpeVocabulary& vocabulary, const std::string& text) {
  std::vector<int32_t> ids;
  for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  while (true) {
    for (size_t rank = 0;; ++rank) {
      if (rank == vocabulary.merges.size()) return ids;
      const BpeMerge& merge = vocabulary.merges[rank];
      size_t at = 0;
      while (at + 1 < ids.size() && (ids[at] != merge.left || ids[at + 1] != merge.right)) ++at;
      if (at + 1 >= ids.size()) continue;
      ids[at] = merge.result;
      ids.erase(ids.begin() + static_cast<ptrdiff_t>(at) + 1);
      break;
    }
  }
}

TEST(Bpe, MergesAsTheDefinitionSays) {
  std::mt19937 random(3);
  BpeWorkspace work;
  for (int repetition = 0; repetition < 300; ++repetition) {
    BpeVocabulary vocabulary = bytes_only();
    std::map<std::pair<int32_t, int32_t>, bool> seen;
    std::vector<int32_t> usable = {'a', 'b', 'c'};
    for (uint32_t merges = random() % 30; merges > 0; --merges) {
      const int32_t left = usable[random() % usable.size()];
      const int32_t right = usable[random() % usable.size()];
      if (!seen.emplace(std::pair(left, right), true).second) continue;
      add_merge(vocabulary, left, right);
      usable.push_back(vocabulary.merges.back().result);
    }
    const BpeMerger merger(vocabulary);
    for (int word = 0; word < 10; ++word) {
      std::string text;
      for (uint32_t size = random() % 60; size > 0; --size) text += static_cast<char>('a' + random() % 3);
      std::vector<int32_t> ids;
      merger.encode(text, work, ids);
      ASSERT_EQ(ids, encode_naively(vocabulary, text)) << text;
    }
  }
}

TEST(Bpe, NamesAByteThatTheVocabularyLacks) {
  BpeVocabulary vocabulary = bytes_only();
  vocabulary.tokens[0xA0] = "";
  EXPECT_EQ(user_error([&] { BpeMerger merger(vocabulary); }),
            "the vocabulary has no token for byte 0xA0: text with it could not be encoded; expected all 256 bytes");
}

TEST(BpeByteMap, IsTheAlphabetOfGpt2) {
  EXPECT_EQ(to_byte_alphabet(" a\n"), "\u0120a\u010A");
  EXPECT_EQ(to_byte_alphabet(std::string(1, '\0') + "\x7F\x80\xA0\xAD\xFF"), "\u0100\u0121\u0122\u0142\u0143\u00FF");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(from_byte_alphabet(to_byte_alphabet(all)), all);
  EXPECT_EQ(from_byte_alphabet("a b"), std::nullopt);
  EXPECT_EQ(from_byte_alphabet("\u0144"), std::nullopt);
  EXPECT_EQ(from_byte_alphabet("日"), std::nullopt);
}

TEST(BpeCache, TellsWordsApartThatDifferOnlyInTrailingZeros) {
  BpeCache cache;
  const std::string one("a\0", 2), two("a\0\0", 3);
  const std::vector<int32_t> ids = {1, 2};
  cache.store(BpeCache::Key(one), ids);
  EXPECT_EQ(cache.find(BpeCache::Key(one)).size(), 2u);
  EXPECT_TRUE(cache.find(BpeCache::Key(two)).empty());
  EXPECT_TRUE(cache.find(BpeCache::Key("a")).empty());
  cache.store(BpeCache::Key(two), std::vector<int32_t>(BpeCache::max_ids + 1, 7));
  EXPECT_TRUE(cache.find(BpeCache::Key(two)).empty());
}

// More words than the cache has places, twice: what is found there must be what merging gives.
TEST(BpeModel, GivesTheSameIdsFromItsCache) {
  BpeVocabulary vocabulary = bytes_only();
  for (const char* pair : {"ab", "ba", "cd", "dc", "ad"}) add_merge(vocabulary, pair[0], pair[1]);
  add_merge(vocabulary, 256, 258);
  const BpeMerger merger(vocabulary);
  const auto model = make_byte_level_bpe(vocabulary, make_byte_level(false, true), false);
  std::mt19937 random(9);
  std::vector<std::string> words(60000);
  for (std::string& word : words) {
    for (uint32_t size = 1 + random() % 30; size > 0; --size) word += static_cast<char>('a' + random() % 4);
  }
  BpeWorkspace work;
  for (int repetition = 0; repetition < 2; ++repetition) {
    for (const std::string& word : words) {
      std::vector<int32_t> expected, ids;
      merger.encode(word, work, expected);
      model->encode(word, TextStart::whole, ids);
      ASSERT_EQ(ids, expected) << word;
    }
  }
}

}  // namespace
}  // namespace kumiko
