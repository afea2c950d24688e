#include "kumiko/tokenizer/tokenizer_stream.h"

#include "tokenizer/tokenizer_test_util.h"

namespace kumiko {
namespace {

std::vector<std::string> stream(const std::string& bytes) {
  TokenStream stream(load_tokenizer("bytes"));
  std::vector<std::string> texts;
  for (const char byte : bytes) texts.push_back(stream.push(static_cast<unsigned char>(byte)));
  texts.push_back(stream.finish());
  return texts;
}

TEST(TokenStream, HoldsACharacterBackUntilItIsWhole) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(stream("a\xE6\x97\xA5z"), (Texts{"a", "", "", "日", "z", ""}));
  EXPECT_EQ(stream("\xE6\x97z"), (Texts{"", "", "\uFFFDz", ""}));
  EXPECT_EQ(stream("\xFF"), (Texts{"\uFFFD", ""}));
  EXPECT_EQ(stream("\xF0\x9F\x91"), (Texts{"", "", "", "\uFFFD"}));
}

TEST(TokenStream, JoinsTokensThatEndInsideACharacter) {
  const Tokenizer tokenizer = load_tokenizer(tokenizer_fixture("gpt2"));
  const std::string text = "木を組む 👩‍👩‍👧‍👦 naïve";
  TokenStream stream(tokenizer);
  std::string streamed;
  for (const int32_t id : tokenizer.encode(text)) streamed += stream.push(id);
  EXPECT_EQ(streamed + stream.finish(), text);
}

// A prompt is there already: the first token's space is one.
TEST(TokenStream, KeepsTheSpaceOfATextThatGoesOn) {
  for (const char* folder : {"llama2", "mistral", "t5", "sentencepiece_bpe", "sentencepiece_unigram"}) {
    SCOPED_TRACE(folder);
    if (!is_built_for([&] { load_tokenizer(tokenizer_fixture(folder)); })) continue;
    const Tokenizer tokenizer = load_tokenizer(tokenizer_fixture(folder));
    const std::vector<int32_t> ids = tokenizer.encode("the piece");
    const auto streamed = [&](TextStart start) {
      TokenStream stream(tokenizer, start);
      std::string text;
      for (const int32_t id : ids) text += stream.push(id);
      return text + stream.finish();
    };
    EXPECT_EQ(streamed(TextStart::whole), "the piece");
    EXPECT_EQ(streamed(TextStart::inside), " the piece");
  }
}

}  // namespace
}  // namespace kumiko
