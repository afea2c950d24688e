// Which files beside a tokenizer count. The ids are those of transformers 5.24 for these folders.
#include <nlohmann/json.hpp>

#include "kumiko/base/file.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_test_util.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Ids = std::vector<int32_t>;

// A vocabulary of the 256 bytes and a few merges, across a full stop and a line feed among them, and settings.
fs::path pair_folder(const std::string& name, const json& files) {
  const fs::path folder = fresh_folder(name);
  json document = json::parse(read_text_file(tokenizer_fixture("gpt2_pair/vocab.json")));
  write_text_file(folder / "merges.txt", read_text_file(tokenizer_fixture("gpt2_pair/merges.txt")) + ". Ċ\n");
  document[".Ċ"] = document.size();  // 700
  write_text_file(folder / "vocab.json", document.dump());
  for (const auto& [file, content] : files.items()) write_text_file(folder / file, content.dump());
  return folder;
}

Ids encode_pair(const std::string& name, const json& files, const std::string& text) {
  return load_tokenizer(pair_folder(name, files)).encode(text);
}

TEST(TokenizerSettings, GiveAPairTheCutterOfItsClass) {
  const auto ids = [](const json& files) { return encode_pair("class", files, "a.\n"); };
  const Ids apart = ids(json::object());
  EXPECT_EQ(apart.size(), 3u);
  const Ids together = {apart[0], 700};
  EXPECT_EQ(ids({{"tokenizer_config.json", {{"tokenizer_class", "GPT2TokenizerFast"}}}}), apart);
  EXPECT_EQ(ids({{"tokenizer_config.json", {{"tokenizer_class", "Qwen2Tokenizer"}}}}), together);
  EXPECT_EQ(ids({{"config.json", {{"model_type", "qwen2"}}}}), together);
  for (const char* name : {"RobertaTokenizer", "CLIPTokenizer", "WhisperTokenizer", "PreTrainedTokenizerFast"}) {
    const auto message = user_error([&] { ids({{"tokenizer_config.json", {{"tokenizer_class", name}}}}); });
    EXPECT_NE(message.find("GPT2Tokenizer and Qwen2Tokenizer only"), std::string::npos) << message;
  }
  const auto message = user_error([&] { ids({{"config.json", {{"model_type", "roberta"}}}}); });
  EXPECT_NE(message.find("config.json beside it has the model_type roberta"), std::string::npos) << message;
}

TEST(TokenizerSettings, PutASpaceBeforeTexts) {
  const json with = {{"tokenizer_config.json", {{"tokenizer_class", "GPT2Tokenizer"}, {"add_prefix_space", true}}}};
  EXPECT_EQ(encode_pair("space", with, "the dog"), encode_pair("none", json::object(), " the dog"));
  // The same where tokenizer.json says otherwise, for a class that goes by the setting.
  const fs::path folder = fresh_folder("space_json");
  fs::copy(tokenizer_fixture("gpt2/tokenizer.json"), folder / "tokenizer.json");
  const Ids plain = load_tokenizer(folder).encode("the dog"), spaced = load_tokenizer(folder).encode(" the dog");
  write_text_file(folder / "tokenizer_config.json", with["tokenizer_config.json"].dump());
  EXPECT_EQ(load_tokenizer(folder).encode("the dog"), spaced);
  write_text_file(folder / "tokenizer_config.json", R"({"add_prefix_space": true})");
  EXPECT_EQ(load_tokenizer(folder).encode("the dog"), plain);
}

TEST(TokenizerSettings, AddTokensFromAddedTokensJson) {
  const json files = {{"added_tokens.json", {{"<|user|>", 701}, {"<|bot|>", 702}}},
                      {"special_tokens_map.json", {{"eos_token", "<|bot|>"}, {"pad_token", "<pad>"}}},
                      {"tokenizer_config.json", {{"additional_special_tokens", {"<|user|>", "<x>"}}}}};
  const Tokenizer tokenizer = load_tokenizer(pair_folder("added", files));
  EXPECT_EQ(tokenizer.encode("<|user|><|bot|><pad><x>"), (Ids{701, 702, 703, 704}));
  EXPECT_TRUE(tokenizer.is_special(701));
  EXPECT_EQ(tokenizer.named_tokens().eos, 702);
  EXPECT_EQ(tokenizer.named_tokens().pad, 703);
  EXPECT_EQ(tokenizer.end_of_document(), 0);  // <|endoftext|>
  EXPECT_EQ(tokenizer.end_tokens(), (Ids{702, 0}));
  // These two files do not count where tokenizer_config.json lists the added tokens.
  json decoder = files;
  decoder["tokenizer_config.json"] = {{"added_tokens_decoder", {{"701", {{"content", "<y>"}, {"lstrip", true}}}}}};
  EXPECT_EQ(encode_pair("decoder", decoder, "<|user|>").size() > 1, true);
  EXPECT_EQ(encode_pair("decoder", decoder, "  <y>"), (Ids{701}));
}

TEST(TokenizerSettings, RefuseIdsThatOthersDoNotGive) {
  const auto message_with = [](const char* id, const char* content) {
    const json token = {{id, {{"content", content}}}};
    return user_error([&] { encode_pair("hole", {{"tokenizer_config.json", {{"added_tokens_decoder", token}}}}, ""); });
  };
  const auto hole = message_with("710", "<y>");
  EXPECT_NE(hole.find("added_tokens_decoder.710 gives the token \"<y>\" the id 710: expected 701"), std::string::npos)
      << hole;
  const auto taken = message_with("5", "<y>");
  EXPECT_NE(taken.find("the id 5: expected 701"), std::string::npos) << taken;
  const auto moved = message_with("701", "a");
  EXPECT_NE(moved.find("which it has in the vocabulary"), std::string::npos) << moved;
  EXPECT_NE(message_with("x", "<y>").find("expected ids as keys, and \"x\" is none"), std::string::npos);
}

TEST(TokenizerSettings, EndTextsWithASetOfTokens) {
  const auto ends = [](const json& files) { return load_tokenizer(pair_folder("ends", files)).end_tokens(); };
  EXPECT_EQ(ends(json::object()), (Ids{0}));
  EXPECT_EQ(ends({{"generation_config.json", {{"eos_token_id", {5, 6}}}}, {"config.json", {{"eos_token_id", 7}}}}),
            (Ids{5, 6, 0}));
  EXPECT_EQ(ends({{"config.json", {{"eos_token_id", 7}}}}), (Ids{7, 0}));
  EXPECT_EQ(ends({{"generation_config.json", {{"eos_token_id", {-1, 100000, 9}}}}}), (Ids{9, 0}));
  Tokenizer tokenizer = load_tokenizer(pair_folder("ends", {{"config.json", {{"eos_token_id", 7}}}}));
  EXPECT_TRUE(tokenizer.ends_text(7));
  tokenizer.set_end_of_document("<|endoftext|>");
  EXPECT_EQ(tokenizer.end_tokens(), (Ids{0}));
}

TEST(TokenizerSettings, TellWhichTokensAModelNeedNotKnow) {
  const fs::path folder = pair_folder("rows", {{"tokenizer_config.json", {{"pad_token", "<pad>"}}}});
  const Tokenizer tokenizer = load_tokenizer(folder);
  EXPECT_EQ(tokenizer.vocab_size(), 702);
  EXPECT_EQ(num_required_rows(tokenizer), 701);
  EXPECT_NO_THROW(check_vocabulary(tokenizer, 701, "x"));
  EXPECT_EQ(user_error([&] { check_vocabulary(tokenizer, 700, "x"); }),
            "the tokenizer has 702 tokens, but the model of x knows 700: it is not the one the model was trained with");
  EXPECT_NE(user_error([&] {
              refuse_without_row(tokenizer, Ids{1, 701}, 701);
            }).find("the token \"<pad>\", whose id"),
            std::string::npos);
}

TEST(TokenizerSettings, AreKeptWithTheTokenizer) {
  const fs::path folder =
      pair_folder("kept", {{"added_tokens.json", {{"<x>", 701}}}, {"config.json", {{"model_type", "qwen2"}}}});
  std::vector<std::string> names;
  for (const TokenizerFile& file : tokenizer_files(folder)) names.push_back(file.plain_name);
  EXPECT_EQ(names, (std::vector<std::string>{"encoder.json", "vocab.bpe", "added_tokens.json", "config.json"}));
}

TEST(TokenizerSettings, NameADamagedFile) {
  const fs::path folder = pair_folder("damaged", json::object());
  for (const char* name : {"tokenizer_config.json", "added_tokens.json", "special_tokens_map.json", "config.json",
                           "generation_config.json"}) {
    write_text_file(folder / name, "{\"eos_token_id\": [321, 322],}");
    const auto message = user_error([&] { load_tokenizer(folder); });
    EXPECT_TRUE(message.starts_with((folder / name).string() + ": not valid JSON")) << message;
    fs::remove(folder / name);
  }
}

}  // namespace
}  // namespace kumiko
