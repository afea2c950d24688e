#include "kumiko/data/dataset_encoder.h"

#include "data/dataset_testing.h"
#include "kumiko/data/cut_places.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_test_util.h"

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

class FindCutPlaces : public ::testing::Test {
 protected:
  bool can_cut(const std::vector<std::pair<std::string, std::string>>& merges, const std::string& pre_tokenizer,
               const std::string& added_tokens = "") {
    const auto places = find_cut_places(
        load_tokenizer(folder_.write("tokenizer.json", tokenizer_json(merges, pre_tokenizer, added_tokens))));
    return places.at_spaces && places.at_newlines;
  }
  // The tokenizer.json of a folder, with all added tokens plain.
  std::string without_strip(const std::string& source) {
    std::string text = read_text_file(source + "/tokenizer.json");
    for (const std::string flag : {"\"lstrip\":true", "\"rstrip\":true"}) {
      for (size_t at = text.find(flag); at != std::string::npos; at = text.find(flag)) {
        text.replace(at, flag.size(), flag.substr(0, flag.size() - 4) + "false");
      }
    }
    return folder_.write("tokenizer.json", text);
  }
  TestFolder folder_;
};

TEST_F(FindCutPlaces, AreAllForBytesAndGpt2) {
  EXPECT_TRUE(find_cut_places(load_tokenizer("bytes")).at_newlines);
  // "Ġ" is a space, "Ċ" a newline.
  EXPECT_TRUE(can_cut({{"o", "r"}, {"w", "or"}, {"Ġ", "wor"}, {"Ċ", "Ċ"}, {".", "Ċ"}}, gpt2_cutter));
  EXPECT_TRUE(can_cut({}, gpt2_cutter,
                      R"({"id":256,"content":"<|endoftext|>","single_word":false,"lstrip":false,"rstrip":false,)"
                      R"("normalized":false,"special":true})"));
}

TEST_F(FindCutPlaces, NoWhereATokenReachesAcross) {
  EXPECT_FALSE(can_cut({{"d", "Ġ"}}, gpt2_cutter));
  EXPECT_FALSE(can_cut({{"Ċ", "w"}}, gpt2_cutter));
  EXPECT_FALSE(can_cut({}, gpt2_cutter,
                       R"({"id":256,"content":"end of text","single_word":false,"lstrip":false,"rstrip":false,)"
                       R"("normalized":false,"special":true})"));
}

// A newline and a no-break space, which GPT-2 has, are no place to cut.
TEST_F(FindCutPlaces, DoNotMindATokenThatReachesElsewhere) {
  EXPECT_TRUE(can_cut({{"\u00C2", "\u0142"}, {"\u010A", "\u00C2\u0142"}}, gpt2_cutter));
  EXPECT_TRUE(can_cut({}, R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})"));
}

TEST_F(FindCutPlaces, AreNoneWherePreTokenizationLooksFurther) {
  EXPECT_FALSE(can_cut({}, R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"[a-z ]+"},)"
                           R"("behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":true}]})"));
}

// Long documents in pieces, for every kind of tokenizer.
TEST_F(FindCutPlaces, GiveTheTokensOfTheWhole) {
  struct Kind {
    const char* fixture;
    bool at_spaces;
    bool at_newlines;
    bool plain = false;  // without the tokens that take white space along
  };
  constexpr Kind kinds[] = {
      {"gpt2", true, true},
      {"llama3", true, true},
      {"llama2", false, false},
      {"llama2", true, true, true},
      {"mistral", true, true, true},
      {"gemma", true, true},
      {"t5", true, false},
      {"unigram_bytes", false, false},
      {"sentencepiece_bpe", true, false},
      {"sentencepiece_unigram", false, false},
  };
  const std::string corpus = read_text_file(std::string(KUMIKO_FIXTURES) + "/tokenizer/gpt2/corpus.txt");
  for (const Kind& kind : kinds) {
    SCOPED_TRACE(kind.fixture);
    const std::string source = std::string(KUMIKO_FIXTURES) + "/tokenizer/" + kind.fixture;
    if (!is_built_for([&] { load_tokenizer(source); })) continue;
    const Tokenizer tokenizer = load_tokenizer(kind.plain ? without_strip(source) : source);
    const CutPlaces places = find_cut_places(tokenizer);
    EXPECT_EQ(places.at_spaces, kind.at_spaces);
    EXPECT_EQ(places.at_newlines, kind.at_newlines);
    if (!places.any()) continue;
    std::vector<int32_t> pieces;
    size_t begin = 0;
    int num_pieces = 0;
    for (; begin < corpus.size(); ++num_pieces) {
      constexpr size_t block_bytes = 400;
      const std::string_view block = std::string_view(corpus).substr(begin, block_bytes);
      const size_t cut = begin + block_bytes < corpus.size() ? last_safe_cut(block, places) : block.size();
      const size_t size = cut > 0 ? cut : std::string_view::npos;
      const std::string_view piece = std::string_view(corpus).substr(begin, size);
      tokenizer.encode(piece, pieces, begin == 0 ? TextStart::whole : TextStart::inside);
      begin += piece.size();
    }
    EXPECT_GT(num_pieces, 20);
    EXPECT_EQ(pieces, tokenizer.encode(corpus));
  }
}

}  // namespace
}  // namespace kumiko
