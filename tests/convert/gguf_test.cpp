#include <gtest/gtest.h>

#include "convert/gguf_testing.h"
#include "convert/hf_testing.h"
#include "kumiko/convert/gguf_export.h"

namespace kumiko {
namespace {

using namespace test;
using nlohmann::json;

struct NamedType {
  const char* name;
  GgufType type;
};
constexpr NamedType types[] = {
    {"F32", GgufType::f32}, {"F16", GgufType::f16}, {"BF16", GgufType::bf16}, {"Q8_0", GgufType::q8_0}};

fs::path gguf_fixture(const std::string& name) { return fs::path(KUMIKO_FIXTURES) / "gguf" / (name + ".json"); }

std::vector<std::byte> bytes_of_hex(const std::string& hex) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

GgufFile export_and_read(const fs::path& checkpoint, const fs::path& output, GgufType type, int64_t block = 1000) {
  GgufExportOptions options;
  options.load = checkpoint;
  options.output = output;
  options.type = type;
  options.block_elements = block;
  export_gguf(options);
  return GgufFile(output);
}

// Bit for bit what the gguf package makes of the same values.
TEST(Gguf, ConvertsAsTheGgufPackageDoes) {
  const json fixture = read_json(gguf_fixture("quantized"));
  const auto raw = bytes_of_hex(fixture.at("values"));
  std::vector<float> values(raw.size() / sizeof(float));
  std::memcpy(values.data(), raw.data(), raw.size());
  for (const NamedType& type : types) {
    std::vector<std::byte> converted(gguf_bytes(type.type, static_cast<int64_t>(values.size())));
    gguf_convert(values, type.type, converted.data(), "values");
    EXPECT_EQ(converted, bytes_of_hex(fixture.at(type.name))) << type.name;
  }
}

TEST(Gguf, RefusesWhatAnElementTypeCannotHold) {
  std::vector<float> values(32, 1);
  std::vector<std::byte> converted(128);
  values[5] = 1e7F;
  const auto convert = [&](GgufType type) {
    return message_of([&] { gguf_convert(values, type, converted.data(), "blk.0.attn_q.weight"); });
  };
  EXPECT_NE(convert(GgufType::q8_0).find("blk.0.attn_q.weight has values that Q8_0 cannot hold"), std::string::npos);
  EXPECT_NE(convert(GgufType::f16).find("beyond the range of f16"), std::string::npos);
  values[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(convert(GgufType::q8_0).find("cannot hold"), std::string::npos);
}

// Names, dims, types and bytes of every tensor, as the fixtures have them from the gguf package.
TEST(Gguf, HoldsTheTensorsThatLlamaCppWants) {
  const TestDirectory directory("gguf");
  for (const char* name : {"gpt2", "gpt2_untied", "llama2", "llama31", "mistral", "qwen2", "mqa"}) {
    import_to(hf_fixture(name), directory / name);
    const json fixture = read_json(gguf_fixture(name));
    for (const NamedType& type : types) {
      for (const int64_t block : {7, 100000}) {
        const fs::path path = directory / (std::string(name) + type.name + std::to_string(block));
        const GgufFile file = export_and_read(directory / name, path, type.type, block);
        EXPECT_EQ(file.tensors.size(), fixture.size()) << name;
        for (const auto& [tensor, expected] : fixture.items()) {
          ASSERT_TRUE(file.tensors.contains(tensor)) << name << " " << tensor;
          const GgufFile::Stored& found = file.tensors.at(tensor);
          EXPECT_EQ(json(found.dims), expected.at("dims")) << name << " " << tensor;
          EXPECT_EQ(found.type_name(), expected.at(type.name)[0]) << name << " " << tensor;
          EXPECT_EQ(fnv_1a(found.bytes), expected.at(type.name)[1]) << name << " " << tensor << " " << type.name;
        }
      }
    }
  }
}

TEST(Gguf, DescribesTheModel) {
  const TestDirectory directory("gguf_settings");
  import_to(hf_fixture("mistral"), directory / "mistral");
  const json mistral = export_and_read(directory / "mistral", directory / "m.gguf", GgufType::f16).settings;
  const json expected = {{"general.architecture", "llama"}, {"general.name", "m"},
                         {"general.file_type", 1},          {"llama.vocab_size", 97},
                         {"llama.context_length", 64},      {"llama.embedding_length", 20},
                         {"llama.block_count", 2},          {"llama.feed_forward_length", 36},
                         {"llama.attention.head_count", 4}, {"llama.attention.head_count_kv", 2},
                         {"llama.attention.key_length", 6}, {"llama.attention.value_length", 6},
                         {"llama.rope.dimension_count", 6}, {"llama.rope.freq_base", 1000.0},
                         {"tokenizer.ggml.model", "none"}};
  for (const auto& [key, value] : expected.items()) EXPECT_EQ(mistral.value(key, json()), value) << key;
  import_to(hf_fixture("gpt2"), directory / "gpt2");
  const json gpt2 = export_and_read(directory / "gpt2", directory / "g.gguf", GgufType::q8_0).settings;
  EXPECT_EQ(gpt2.at("general.architecture"), "gpt2");
  EXPECT_EQ(gpt2.at("general.file_type"), 7);
  EXPECT_EQ(gpt2.at("general.quantization_version"), 2);
  EXPECT_NEAR(gpt2.at("gpt2.attention.layer_norm_epsilon").get<double>(), 1e-5, 1e-11);
}

TEST(Gguf, HoldsByteLevelTokenizers) {
  const TestDirectory directory("gguf_bytes");
  const std::pair<const char*, const char*> cases[] = {{"gpt2", "gpt-2"}, {"llama31", "llama-bpe"}, {"qwen2", "qwen2"}};
  for (const auto& [name, pre] : cases) {
    import_to(hf_fixture(name), directory / name);
    const fs::path output = directory / (std::string(name) + ".gguf");
    const json settings = export_and_read(directory / name, output, GgufType::f32).settings;
    const json tokenizer = read_json(hf_fixture(name) / "tokenizer.json");
    EXPECT_EQ(settings.at("tokenizer.ggml.model"), "gpt2");
    EXPECT_EQ(settings.at("tokenizer.ggml.pre"), pre);
    const json& tokens = settings.at("tokenizer.ggml.tokens");
    const json& kinds = settings.at("tokenizer.ggml.token_type");
    ASSERT_EQ(tokens.size(), 290u);
    ASSERT_EQ(kinds.size(), 290u);
    for (const auto& [token, id] : tokenizer.at("model").at("vocab").items()) {
      EXPECT_EQ(tokens.at(id.get<size_t>()), token);
      EXPECT_EQ(kinds.at(id.get<size_t>()), 1);
    }
    for (const json& token : tokenizer.at("added_tokens")) EXPECT_EQ(kinds.at(token.at("id").get<size_t>()), 3);
    EXPECT_EQ(settings.at("tokenizer.ggml.merges").size(), tokenizer.at("model").at("merges").size());
    EXPECT_EQ(settings.at("tokenizer.ggml.eos_token_id"), name == std::string("qwen2") ? 288 : 289);
    EXPECT_EQ(settings.at("tokenizer.ggml.add_bos_token"), false);
  }
}

TEST(Gguf, FillsTheVocabularyUpToTheModel) {
  const TestDirectory directory("gguf_padded");
  fs::create_directories(directory / "in");
  Changes changes;
  changes.config = [](json& config) { config["vocab_size"] = 293; };
  changes.tensors = [](StoredTensors& tensors) {
    StoredTensor& table = tensors["transformer.wte.weight"];
    table.shape[0] = 293;
    table.bytes.resize(table.bytes.size() + 3 * 12 * 4);
  };
  fs::copy(hf_fixture("gpt2") / "tokenizer.json", directory / "in/tokenizer.json");
  import_to(changed_fixture(directory / "in", "gpt2", changes), directory / "ours");
  const json settings = export_and_read(directory / "ours", directory / "o.gguf", GgufType::f32).settings;
  const json& tokens = settings.at("tokenizer.ggml.tokens");
  ASSERT_EQ(tokens.size(), 293u);
  EXPECT_EQ(tokens.at(290), "[PAD290]");
  EXPECT_EQ(settings.at("tokenizer.ggml.token_type").at(292), 5);
}

TEST(Gguf, HoldsATokenizerWithByteFallback) {
  const TestDirectory directory("gguf_fallback");
  import_to(hf_fixture("llama2"), directory / "ours");
  const json settings = export_and_read(directory / "ours", directory / "o.gguf", GgufType::f32).settings;
  const json tokenizer = read_json(hf_fixture("llama2") / "tokenizer.json");
  EXPECT_EQ(settings.at("tokenizer.ggml.model"), "llama");
  const json& tokens = settings.at("tokenizer.ggml.tokens");
  const json& kinds = settings.at("tokenizer.ggml.token_type");
  const json& scores = settings.at("tokenizer.ggml.scores");
  ASSERT_EQ(tokens.size(), 280u);
  EXPECT_EQ(tokens.at(0), "<unk>");
  EXPECT_EQ(kinds.at(0), 2);
  EXPECT_EQ(kinds.at(1), 3);
  EXPECT_EQ(tokens.at(3 + 0x41), "<0x41>");
  EXPECT_EQ(kinds.at(3 + 0x41), 6);
  const json& merges = tokenizer.at("model").at("merges");
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string whole = merges[rank][0].get<std::string>() + merges[rank][1].get<std::string>();
    const auto id = tokenizer.at("model").at("vocab").at(whole).get<size_t>();
    EXPECT_EQ(scores.at(id), -static_cast<double>(rank + 1));
  }
  EXPECT_EQ(settings.at("tokenizer.ggml.bos_token_id"), 1);
  EXPECT_EQ(settings.at("tokenizer.ggml.add_bos_token"), true);
  EXPECT_EQ(settings.at("tokenizer.ggml.add_space_prefix"), true);
}

std::string piece(const std::string& text, std::string_view score, char type) {
  const std::string fields =
      std::string("\x0a") + static_cast<char>(text.size()) + text + "\x15" + std::string(score) + "\x18" + type;
  return std::string("\x0a") + static_cast<char>(fields.size()) + fields;
}

constexpr std::string_view zero("\0\0\0\0", 4), minus_two_and_a_half("\0\0\x20\xC0", 4);

// The names are those of tokenizer.json, where a reserved piece may have been given another.
TEST(Gguf, TakesTheScoresOfASentencePieceModelAndNotItsNames) {
  const TestDirectory directory("gguf_pieces");
  fs::create_directories(directory / "in");
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
    fs::copy(hf_fixture("llama2") / name, directory / "in" / name);
  }
  const std::string first = piece("<unk>", zero, 2);
  write_text(directory / "in/tokenizer.model",
             first + piece("<old>", zero, 3) + piece("</s>", minus_two_and_a_half, 3));
  import_to(directory / "in", directory / "ours");
  const json settings = export_and_read(directory / "ours", directory / "o.gguf", GgufType::f32).settings;
  EXPECT_EQ(settings.at("tokenizer.ggml.tokens").at(1), "<s>");
  EXPECT_EQ(settings.at("tokenizer.ggml.token_type").at(1), 3);
  EXPECT_EQ(settings.at("tokenizer.ggml.scores").at(2), -2.5);
  const std::string other =
      first + piece("<s>", zero, 3) + piece("</s>", zero, 3) + piece("<0x00>", zero, 6) + piece("<0x01>", zero, 6);
  std::string all = other;
  for (int id = 5; id < 259; ++id) all += piece("x" + std::to_string(id), zero, 4);
  write_text(directory / "ours/tokenizer.model", all + piece("other", zero, 1));
  const auto two = message_of([&] { export_and_read(directory / "ours", directory / "p.gguf", GgufType::f32); });
  EXPECT_NE(two.find("are two tokenizers: the token 259 is"), std::string::npos) << two;
  write_text(directory / "ours/tokenizer.model", "\x0a\x7f");
  const auto message = message_of([&] { export_and_read(directory / "ours", directory / "p.gguf", GgufType::f32); });
  EXPECT_NE(message.find("not a SentencePiece model (a field of 127 bytes ends beyond"), std::string::npos) << message;
}

TEST(Gguf, LeavesOutTokensWithoutARowAndTakesTheChatTemplate) {
  const TestDirectory directory("gguf_pad");
  import_to(hf_fixture("gpt2"), directory / "ours");
  json tokenizer = read_json(hf_fixture("gpt2") / "tokenizer.json");
  tokenizer["added_tokens"].push_back({{"id", 290}, {"content", "<pad>"}, {"special", true}});
  write_text(directory / "ours/tokenizer.json", tokenizer.dump());
  write_text(directory / "ours/tokenizer_config.json",
             R"({"pad_token": "<pad>", "chat_template": [{"name": "default", "template": "{{x}}"}]})");
  const json settings = export_and_read(directory / "ours", directory / "o.gguf", GgufType::f32).settings;
  EXPECT_EQ(settings.at("tokenizer.ggml.tokens").size(), 290u);
  EXPECT_EQ(settings.at("tokenizer.chat_template"), "{{x}}");
  EXPECT_FALSE(settings.contains("tokenizer.ggml.padding_token_id"));
  write_text(directory / "ours/chat_template.jinja", "{{y}}");
  EXPECT_EQ(
      export_and_read(directory / "ours", directory / "p.gguf", GgufType::f32).settings.at("tokenizer.chat_template"),
      "{{y}}");
}

TEST(Gguf, RefusesStepsBesideByteFallback) {
  const TestDirectory directory("gguf_steps");
  import_to(hf_fixture("llama2"), directory / "ours");
  const auto message_with = [&](const std::function<void(json&)>& change) {
    json tokenizer = read_json(hf_fixture("llama2") / "tokenizer.json");
    change(tokenizer);
    write_text(directory / "ours/tokenizer.json", tokenizer.dump());
    return message_of([&] { export_and_read(directory / "ours", directory / "o.gguf", GgufType::f32); });
  };
  const auto lower = message_with([](json& tokenizer) { tokenizer["normalizer"] = {{"type", "Lowercase"}}; });
  EXPECT_NE(lower.find("the tokenizer's normalizer is none that llama.cpp knows"), std::string::npos) << lower;
  const auto digits = message_with([](json& tokenizer) {
    tokenizer["pre_tokenizer"] = {{"type", "Digits"}, {"individual_digits", true}};
  });
  EXPECT_NE(digits.find("the tokenizer's pre_tokenizer is none that llama.cpp knows"), std::string::npos) << digits;
}

TEST(Gguf, RefusesWhatLlamaCppWouldTakeForSomethingElse) {
  const TestDirectory directory("gguf_refused");
  import_to(hf_fixture("gpt2"), directory / "ours");
  const auto message_with = [&](const std::function<void(json&)>& change) {
    json tokenizer = read_json(hf_fixture("gpt2") / "tokenizer.json");
    change(tokenizer);
    write_text(directory / "ours/tokenizer.json", tokenizer.dump());
    return message_of([&] { export_and_read(directory / "ours", directory / "o.gguf", GgufType::f32); });
  };
  const auto prefix = message_with([](json& tokenizer) { tokenizer["pre_tokenizer"]["add_prefix_space"] = true; });
  EXPECT_NE(prefix.find("the tokenizer's pre_tokenizer is none that llama.cpp knows"), std::string::npos) << prefix;
  const auto lower = message_with([](json& tokenizer) { tokenizer["normalizer"] = {{"type", "Lowercase"}}; });
  EXPECT_NE(lower.find("the tokenizer's normalizer is none"), std::string::npos) << lower;
  const auto large = message_with([](json& tokenizer) { tokenizer["model"]["vocab"]["new"] = 290; });
  EXPECT_NE(large.find("<|endoftext|>\" the id 289: expected 290"), std::string::npos) << large;
  EXPECT_FALSE(fs::exists(directory / "o.gguf"));
  write_text(directory / "o.gguf", "mine");
  const auto there = message_with([](json&) {});
  EXPECT_NE(there.find("o.gguf is there already"), std::string::npos) << there;
}

}  // namespace
}  // namespace kumiko
