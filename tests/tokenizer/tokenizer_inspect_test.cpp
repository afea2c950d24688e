#include "kumiko/tokenizer/tokenizer_inspect.h"

#include "tokenizer/tokenizer_test_util.h"

namespace kumiko {
namespace {

TEST(TokenizerInspect, QuotesBytesForATerminal) {
  EXPECT_EQ(quote_bytes("a\"\\\n\r\t\x1B\xE6\x97 日\u200B"), "\"a\\\"\\\\\\n\\r\\t\\x1B\\xE6\\x97 日\\xE2\\x80\\x8B\"");
}

TEST(TokenizerInspect, ReadsIdsAsTheyArePrinted) {
  const std::vector<int32_t> ids = {0, 50256, 7};
  EXPECT_EQ(format_ids(ids, false), "0 50256 7");
  EXPECT_EQ(format_ids(ids, true), "[0,50256,7]");
  EXPECT_EQ(parse_ids(format_ids(ids, true)), ids);
  EXPECT_EQ(parse_ids(" 0,\n50256 7 "), ids);
  EXPECT_EQ(user_error([] { parse_ids("1 2x"); }), "\"2x\" is not a token id: expected whole numbers");
}

TEST(TokenizerInspect, DescribesWhatATokenizerHolds) {
  const std::string text = describe_tokenizer(load_tokenizer(tokenizer_fixture("gpt2")));
  EXPECT_NE(text.find("kind              byte-level BPE\n"), std::string::npos) << text;
  EXPECT_NE(text.find("vocabulary        700 tokens\n"), std::string::npos) << text;
  EXPECT_NE(text.find("end of document   0 \"<|endoftext|>\"\n"), std::string::npos) << text;
  EXPECT_NE(describe_tokenizer(load_tokenizer("bytes")).find("end of document   none\n"), std::string::npos);
}

}  // namespace
}  // namespace kumiko
