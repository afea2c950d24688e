#include "kumiko/data/dataset_encoder.h"

#include "data/dataset_testing.h"
#include "kumiko/data/text_source.h"
#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {
namespace {

// A tokenizer.json of byte-level BPE: the 256 bytes, and the given merges of tokens written in the byte alphabet.
std::string tokenizer_json(const std::vector<std::pair<std::string, std::string>>& merges,
                           const std::string& pre_tokenizer, const std::string& added_tokens) {
  std::string vocab;
  std::string list;
  int next = 0;
  const auto quoted = [](const std::string& text) {
    return text == "\"" || text == "\\" ? "\"\\" + text + "\"" : "\"" + text + "\"";
  };
  const auto add = [&](const std::string& token) {
    vocab += (next == 0 ? "" : ",") + quoted(token) + ":" + std::to_string(next);
    ++next;
  };
  const auto utf8 = [](int point) {
    std::string text;
    if (point < 0x80) return std::string(1, static_cast<char>(point));
    text += static_cast<char>(0xC0 | point >> 6);
    text += static_cast<char>(0x80 | (point & 0x3F));
    return text;
  };
  int other = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    add(utf8(itself ? byte : other++));
  }
  for (const auto& [left, right] : merges) {
    add(left + right);
    list += (list.empty() ? "" : ",") + quoted(left + " " + right);
  }
  return R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)" + added_tokens +
         R"(],"normalizer":null,"pre_tokenizer":)" + pre_tokenizer +
         R"(,"post_processor":null,"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"vocab":{)" +
         vocab + R"(},"merges":[)" + list + "]}}";
}

const std::string gpt2_cutter = R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})";

class CanCutDocuments : public ::testing::Test {
 protected:
  bool can_cut(const std::vector<std::pair<std::string, std::string>>& merges, const std::string& pre_tokenizer,
               const std::string& added_tokens = "") {
    return can_cut_documents(
        load_tokenizer(folder_.write("tokenizer.json", tokenizer_json(merges, pre_tokenizer, added_tokens))));
  }
  TestFolder folder_;
};

TEST_F(CanCutDocuments, YesForBytesAndGpt2) {
  EXPECT_TRUE(can_cut_documents(load_tokenizer("bytes")));
  // "Ġ" is a space, "Ċ" a newline.
  EXPECT_TRUE(can_cut({{"o", "r"}, {"w", "or"}, {"Ġ", "wor"}, {"Ċ", "Ċ"}, {".", "Ċ"}}, gpt2_cutter));
  EXPECT_TRUE(can_cut({}, gpt2_cutter,
                      R"({"id":256,"content":"<|endoftext|>","single_word":false,"lstrip":false,"rstrip":false,)"
                      R"("normalized":false,"special":true})"));
}

TEST_F(CanCutDocuments, NoWhereATokenReachesAcross) {
  EXPECT_FALSE(can_cut({{"d", "Ġ"}}, gpt2_cutter));
  EXPECT_FALSE(can_cut({{"Ċ", "w"}}, gpt2_cutter));
  EXPECT_FALSE(can_cut({}, gpt2_cutter,
                       R"({"id":256,"content":"end of text","single_word":false,"lstrip":false,"rstrip":false,)"
                       R"("normalized":false,"special":true})"));
}

TEST_F(CanCutDocuments, NoWherePreTokenizationLooksFurther) {
  EXPECT_FALSE(can_cut({}, R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})"));
}

}  // namespace
}  // namespace kumiko
