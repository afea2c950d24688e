#include <fstream>
#include <nlohmann/json.hpp>

#include "kumiko/base/file.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_test_util.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void write_file(const fs::path& path, std::string_view text) {
  OutputFile file(path);
  file.write(text);
  file.finish();
}

json good_file() { return json::parse(read_text_file(tokenizer_fixture("gpt2/tokenizer.json"))); }

std::string error_of(const json& document) {
  return user_error([&] { tokenizer_from_json(document.dump()); });
}

// The error of the good file with one value changed.
std::string error_with(const std::string& pointer, const json& value) {
  json document = good_file();
  document[json::json_pointer(pointer)] = value;
  return error_of(document);
}

TEST(LoadTokenizer, ReadsEveryForm) {
  const std::string text = "木 and 1234 ends.\n";
  const Tokenizer expected = load_tokenizer(tokenizer_fixture("gpt2/tokenizer.json"));
  EXPECT_EQ(expected.vocab_size(), 700);
  EXPECT_EQ(expected.kind(), "byte-level BPE");
  EXPECT_EQ(expected.end_of_document(), 0);
  EXPECT_EQ(load_tokenizer(tokenizer_fixture("gpt2")).encode(text), expected.encode(text));
  EXPECT_EQ(load_tokenizer(tokenizer_fixture("gpt2_pair")).encode(text), expected.encode(text));
  EXPECT_EQ(load_tokenizer(tokenizer_fixture("gpt2_pair/vocab.json")).encode(text), expected.encode(text));
  const fs::path folder = fresh_folder("pair");
  fs::copy(tokenizer_fixture("gpt2_pair/vocab.json"), folder / "small-encoder.json");
  fs::copy(tokenizer_fixture("gpt2_pair/merges.txt"), folder / "small-vocab.bpe");
  const Tokenizer pair = load_tokenizer(folder / "small-encoder.json");
  EXPECT_EQ(pair.encode(text + "<|endoftext|>"), expected.encode(text + "<|endoftext|>"));
  EXPECT_EQ(pair.end_of_document(), 0);
  // Merges as strings and merges as pairs.
  json document = good_file();
  document["model"]["merges"] = json::array({"#version: 0.2"});
  const json pairs = good_file()["model"]["merges"];
  for (const json& merge : pairs) {
    document["model"]["merges"].push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  }
  EXPECT_EQ(tokenizer_from_json(document.dump()).encode(text), expected.encode(text));
}

TEST(LoadTokenizer, HasBytesBuiltIn) {
  const Tokenizer bytes = load_tokenizer("bytes");
  const std::string text("a\0\xFF\xE6", 4);
  EXPECT_EQ(bytes.vocab_size(), 256);
  EXPECT_EQ(bytes.encode(text), (std::vector<int32_t>{'a', 0, 255, 0xE6}));
  EXPECT_EQ(bytes.decode(bytes.encode(text)), text);
  EXPECT_EQ(bytes.end_of_document(), std::nullopt);
}

TEST(LoadTokenizer, KnowsItsTokens) {
  const Tokenizer tokenizer = load_tokenizer(tokenizer_fixture("added"));
  const auto left = tokenizer.find_token("<|left|>");
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(tokenizer.token_bytes(*left), "<|left|>");
  EXPECT_TRUE(tokenizer.is_special(*left));
  EXPECT_FALSE(tokenizer.is_special(*tokenizer.find_token("word")));
  EXPECT_EQ(tokenizer.find_token("no such token"), std::nullopt);
  EXPECT_EQ(user_error([&] {
              tokenizer.decode(std::vector<int32_t>{5, 100000});
            }),
            "token id 100000 is not of the vocabulary of 410 tokens: is this the tokenizer that made the ids?");
  EXPECT_FALSE(tokenizer.has_token(-1));
}

TEST(LoadTokenizer, SaysWhatItLookedFor) {
  EXPECT_EQ(user_error([] { load_tokenizer("/nonexistent/tokenizer.json"); }),
            "no tokenizer /nonexistent/tokenizer.json: expected \"bytes\", a tokenizer.json, a SentencePiece .model, a "
            "folder "
            "that holds one, or encoder.json with vocab.bpe beside it");
  const fs::path folder = fresh_folder("nothing");
  EXPECT_EQ(user_error([&] { load_tokenizer(folder); }),
            "no tokenizer in the folder " + folder.string() +
                ": looked for tokenizer.json, for encoder.json with vocab.bpe, for vocab.json with merges.txt, and for "
                "tokenizer.model");
  write_file(folder / "gpt2-encoder.json", "{}");
  EXPECT_EQ(user_error([&] { load_tokenizer(folder / "gpt2-encoder.json"); }),
            "the tokenizer " + (folder / "gpt2-encoder.json").string() + " needs its merges beside it: looked for " +
                (folder / "gpt2-vocab.bpe").string());
}

TEST(LoadTokenizer, NamesAFileThatIsCutOff) {
  const fs::path path = fresh_folder("cut") / "tokenizer.json";
  const std::string text = read_text_file(tokenizer_fixture("gpt2/tokenizer.json"));
  write_file(path, std::string_view(text).substr(0, 5000));
  const std::string message = user_error([&] { load_tokenizer(path); });
  EXPECT_TRUE(message.starts_with("the tokenizer " + path.string() + ": not valid JSON at ")) << message;
  EXPECT_TRUE(message.ends_with("the file is damaged, cut off, or of another kind: fetch or make it again")) << message;
  write_file(path, "");
  EXPECT_NE(user_error([&] { load_tokenizer(path); }).find("not valid JSON at column 1: "), std::string::npos);
}

TEST(LoadTokenizer, NamesTheDamagedPlace) {
  EXPECT_EQ(user_error([] { tokenizer_from_json("{}"); }), "\"model\" is missing: this is not a tokenizer.json");
  EXPECT_EQ(user_error([] { tokenizer_from_json("[1]"); }), "\"model\" is missing: this is not a tokenizer.json");
  EXPECT_EQ(error_with("/model/vocab", 3), "model.vocab is 3: expected an object of token to id");
  EXPECT_EQ(error_with("/model/vocab/a", -1), "model.vocab.a is -1: expected an id from 0 to 16777215");
  EXPECT_EQ(error_with("/model/vocab/a", 2000000000), "model.vocab.a is 2000000000: expected an id from 0 to 16777215");
  EXPECT_EQ(error_with("/model/vocab/b", good_file()["model"]["vocab"]["a"]),
            "model.vocab: the tokens \"a\" and \"b\" have the same id 66");
  EXPECT_EQ(error_with("/model/merges", "x"), "model.merges is \"x\": expected a list of merges");
  EXPECT_EQ(error_with("/model/merges/7", "a b c"),
            "model.merges[7] is \"a b c\": expected two tokens, as [\"a\", \"b\"] or \"a b\"");
  EXPECT_EQ(error_with("/model/merges/7", json::array({"a", "qqq"})),
            "model.merges[7] is [\"a\",\"qqq\"]: expected tokens that the vocabulary has, and it has no \"qqq\"; the "
            "file is damaged or its parts do not belong together");
  EXPECT_EQ(error_with("/added_tokens/1/id", "x"), "added_tokens[1].id is \"x\": expected a whole number");
  EXPECT_EQ(error_with("/added_tokens/1/content", ""),
            "added_tokens[1].content is \"\": expected a token with at least one character");
  EXPECT_EQ(error_with("/added_tokens/0/id", 70),
            "added_tokens[0].id is 70: expected an id that the vocabulary does not use for another token (70 is \"e\" "
            "there)");
  EXPECT_EQ(error_with("/added_tokens/0/lstrip", 1), "added_tokens[0].lstrip is 1: expected true or false");
  std::string long_text;
  for (int i = 0; i < 30; ++i) long_text += "木";
  EXPECT_EQ(error_with("/model/merges", long_text),
            "model.merges is \"木木木木木木木木木木木木木木木木木木木...: expected a list of merges");
  json document = good_file();
  document["model"]["vocab"].erase("ÿ");
  EXPECT_EQ(error_of(document),
            "the vocabulary has no token for byte 0xFF: text with it could not be encoded; expected all 256 bytes");
  document = good_file();
  document["added_tokens"][0].erase("content");
  EXPECT_EQ(error_of(document), "\"added_tokens[0].content\" is missing");
  document = good_file();
  document["model"].erase("merges");
  EXPECT_EQ(error_of(document), "\"model.merges\" is missing");
}

TEST(LoadTokenizer, RefusesUnsupportedPartsByName) {
  EXPECT_EQ(error_with("/model/type", "WordPiece"),
            "model.type is \"WordPiece\": expected BPE or Unigram; other kinds are not supported");
  EXPECT_EQ(error_with("/normalizer", {{"type", "BertNormalizer"}}),
            "normalizer.type is \"BertNormalizer\": expected ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, "
            "Precompiled, Prepend, Replace, Strip, StripAccents or a Sequence of these; other normalizers are not "
            "supported");
  EXPECT_EQ(error_with("/decoder/type", "WordPiece"),
            "decoder.type is \"WordPiece\": expected ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip or a "
            "Sequence of these; other kinds of decoder are not supported");
  EXPECT_EQ(error_with("/pre_tokenizer/type", "UnicodeScripts"),
            "pre_tokenizer.type is \"UnicodeScripts\": expected ByteLevel, Digits, Metaspace, Punctuation, Split, "
            "Whitespace, WhitespaceSplit or a Sequence of these; other pre-tokenizers are not supported");
  EXPECT_EQ(error_with("/model/end_of_word_suffix", "</w>"),
            "model.end_of_word_suffix is \"</w>\": expected null: BPE with a mark inside or at the end of words is not "
            "supported");
  EXPECT_EQ(error_with("/model/dropout", 0.1),
            "model.dropout is 0.1: expected null: merges that are left out at random are not supported");
  const json split = {{"type", "Split"}, {"pattern", {{"Regex", "a"}}}, {"behavior", "Joined"}, {"invert", false}};
  EXPECT_EQ(error_with("/pre_tokenizer", split),
            "pre_tokenizer.behavior is \"Joined\": expected Isolated, Removed, MergedWithPrevious, MergedWithNext or "
            "Contiguous");
  const json groups = {{"type", "Replace"}, {"pattern", {{"Regex", "(a)"}}}, {"content", "$1"}};
  EXPECT_EQ(error_with("/normalizer", groups),
            "normalizer.content is \"$1\": expected no $: groups of a match are not supported");
  const json behind = {{"type", "Sequence"}, {"decoders", {{{"type", "Fuse"}}, {{"type", "ByteFallback"}}}}};
  EXPECT_NE(
      error_with("/decoder", behind).find("decoder.decoders[1].type is \"ByteFallback\": expected nothing behind"),
      std::string::npos);
}

TEST(LoadTokenizer, NamesWhatIsWrongInAUnigramModel) {
  const auto model = [](const std::string& members) { return R"({"model": {"type": "Unigram", )" + members + "}}"; };
  const auto error = [&](const std::string& members) {
    return user_error([&] { tokenizer_from_json(model(members)).encode("ac"); });
  };
  EXPECT_EQ(error(R"("unk_id": 0, "vocab": [["a", "b"]])"),
            "model.vocab[0] is [\"a\",\"b\"]: expected a token and its score, as [\"a\", -1.5]");
  EXPECT_EQ(error(R"("unk_id": 1, "vocab": [["a", -1.0]])"),
            "model.unk_id is 1: expected null or an id of the vocabulary");
  EXPECT_EQ(error(R"("vocab": [])"), "model.vocab is []: expected at least one token");
  EXPECT_EQ(error(R"("vocab": [["a", -1.0], ["b", -2.0]])"),
            "the vocabulary has no token for \"c\", and none for what is unknown");
}

TEST(LoadTokenizer, FindsWhatBeginsATextWhereModelsExpectIt) {
  const std::string hf = KUMIKO_FIXTURES "/hf/";
  const Tokenizer llama = load_tokenizer(hf + "llama2");
  EXPECT_EQ(llama.begin_of_text(), llama.find_token("<s>"));
  EXPECT_EQ(load_tokenizer(hf + "gpt2").begin_of_text(), std::nullopt);
  // tokenizer_config.json has the last word, both ways.
  const fs::path folder = fresh_folder("begin");
  const auto begin_with = [&](const std::string& fixture, const std::string& config) {
    fs::copy_file(hf + fixture + "/tokenizer.json", folder / "tokenizer.json", fs::copy_options::overwrite_existing);
    write_file(folder / "tokenizer_config.json", config);
    return load_tokenizer(folder).begin_of_text();
  };
  EXPECT_EQ(begin_with("llama2", R"({"add_bos_token": false, "bos_token": "<s>"})"), std::nullopt);
  EXPECT_EQ(begin_with("gpt2", R"({"add_bos_token": true, "bos_token": {"content": "<|endoftext|>"}})"),
            load_tokenizer(hf + "gpt2").find_token("<|endoftext|>"));
  EXPECT_EQ(begin_with("gpt2", R"({"bos_token": "<|endoftext|>"})"), std::nullopt);
}

TEST(LoadTokenizer, FindsTheEndOfDocuments) {
  const fs::path folder = fresh_folder("end");
  const auto end_with = [&](const std::string& fixture, const json& config, const json& generation) {
    json document = json::parse(std::ifstream(tokenizer_fixture(fixture) / "tokenizer.json"));
    document["normalizer"] = nullptr;  // some need a library that is optional
    write_file(folder / "tokenizer.json", document.dump());
    write_file(folder / "tokenizer_config.json", config.dump());
    write_file(folder / "generation_config.json", generation.dump());
    return load_tokenizer(folder / "tokenizer.json").end_of_document();
  };
  const json none = json::object();
  EXPECT_EQ(end_with("llama2", none, none), 2);
  // A token that ends a turn does not end a document where there is one that does.
  EXPECT_EQ(end_with("llama2", {{"eos_token", "<s>"}}, none), 2);
  EXPECT_EQ(end_with("albert", none, none), std::nullopt);
  EXPECT_EQ(end_with("albert", {{"eos_token", {{"content", "[SEP]"}}}}, {{"eos_token_id", 2}}), 3);
  EXPECT_EQ(end_with("albert", {{"eos_token", nullptr}}, {{"eos_token_id", {2, 3}}}), 2);
  // A token that the vocabulary does not have is added behind it, as transformers does.
  EXPECT_EQ(end_with("albert", {{"eos_token", "<gone>"}}, {{"eos_token_id", 100000}}), 399);
  write_file(folder / "tokenizer_config.json", "{");
  EXPECT_NE(user_error([&] {
              load_tokenizer(folder);
            }).find((folder / "tokenizer_config.json").string() + ": not valid JSON at column 2: "),
            std::string::npos);
  write_file(folder / "tokenizer_config.json", "{}");
  write_file(folder / "generation_config.json", "{}");
  Tokenizer tokenizer = load_tokenizer(folder);
  EXPECT_EQ(tokenizer.end_of_document(), std::nullopt);
  tokenizer.set_end_of_document("[SEP]");
  EXPECT_EQ(tokenizer.end_of_document(), 3);
  EXPECT_EQ(
      user_error([&] { tokenizer.set_end_of_document("<eod>"); }),
      "the tokenizer has no token \"<eod>\" to end documents with; expected one of its vocabulary, such as <pad>");
}

TEST(LoadTokenizer, NamesTheFilesToKeep) {
  const fs::path folder = fresh_folder("keep");
  EXPECT_FALSE(names_tokenizer(folder));
  fs::copy_file(tokenizer_fixture("sentencepiece_bpe") / "tokenizer.model", folder / "spiece.model");
  write_file(folder / "tokenizer_config.json", "{}");
  EXPECT_TRUE(names_tokenizer(folder));
  const auto files = tokenizer_files(folder);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].plain_name, "tokenizer.model");
  EXPECT_EQ(files[1].path, folder / "tokenizer_config.json");
}

}  // namespace
}  // namespace kumiko
