#include <gtest/gtest.h>

#include "convert/hf_testing.h"
#include "kumiko/train/config.h"

namespace kumiko {
namespace {

using namespace test;

struct Family {
  const char* name;
  DType dtype = DType::f32;
};
constexpr Family families[] = {{"gpt2"},    {"gpt2_untied"}, {"gpt2_f16", DType::f16},     {"llama2"},
                               {"llama31"}, {"mistral"},     {"llama2_bf16", DType::bf16}, {"qwen2"},
                               {"mqa"}};

class HfRoundTrip : public testing::TestWithParam<Family> {
 protected:
  const TestDirectory directory_{std::string("hf_") + GetParam().name};
};

TEST_P(HfRoundTrip, KeepsEveryBit) {
  const fs::path fixture = hf_fixture(GetParam().name);
  import_to(fixture, directory_ / "ours");
  export_to(directory_ / "ours", directory_ / "theirs", GetParam().dtype);
  EXPECT_EQ(tensors_in(directory_ / "theirs"), tensors_in(fixture));
  import_to(directory_ / "theirs", directory_ / "ours_again");
  EXPECT_EQ(tensors_of_checkpoint(directory_ / "ours_again"), tensors_of_checkpoint(directory_ / "ours"));
  EXPECT_EQ(read_text_file(directory_ / "ours_again" / "model.toml"),
            read_text_file(directory_ / "ours" / "model.toml"));
}

// Blocks smaller than a row, and ones that end within a part of a stacked tensor.
TEST_P(HfRoundTrip, KeepsEveryBitInBlocksOfAnySize) {
  const fs::path fixture = hf_fixture(GetParam().name);
  const StoredTensors expected = tensors_in(fixture);
  for (const int64_t block : {7, 777}) {
    const std::string suffix = std::to_string(block);
    HfImportOptions import;
    import.input = fixture;
    import.save = directory_ / ("ours" + suffix);
    import.block_elements = block;
    import_hf(import);
    HfExportOptions back;
    back.load = import.save;
    back.output = directory_ / ("theirs" + suffix);
    back.dtype = GetParam().dtype;
    back.block_elements = block;
    back.max_shard_bytes = 10 * block;
    export_hf(back);
    EXPECT_EQ(tensors_in(back.output), expected) << block;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, HfRoundTrip, testing::ValuesIn(families),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(HfImport, StacksAndTransposesAsTheModelDoes) {
  const TestDirectory directory("hf_layout");
  import_to(hf_fixture("gpt2"), directory / "ours");
  const StoredTensors ours = tensors_of_checkpoint(directory / "ours");
  const StoredTensors theirs = tensors_in(hf_fixture("gpt2"));
  const auto at = [](const StoredTensor& tensor, int64_t row, int64_t column) {
    float value = 0;
    std::memcpy(&value, tensor.bytes.data() + (row * tensor.shape[1] + column) * 4, 4);
    return value;
  };
  constexpr int64_t hidden = 12;
  const StoredTensor& attention = theirs.at("transformer.h.1.attn.c_attn.weight");
  const char* const parts[] = {"query", "key", "value"};
  for (int64_t part = 0; part < 3; ++part) {
    const StoredTensor& mine = ours.at(std::string("block.1.attention.") + parts[part] + ".weight");
    ASSERT_EQ(mine.shape, (Shape{hidden, hidden}));
    for (int64_t out = 0; out < hidden; ++out) {
      for (int64_t in = 0; in < hidden; ++in) {
        ASSERT_EQ(at(mine, out, in), at(attention, in, part * hidden + out)) << part << " " << out << " " << in;
      }
    }
  }
}

TEST(HfImport, TakesNamesWithoutPrefixAndLeavesBuffersOut) {
  const TestDirectory directory("hf_bare");
  Changes changes;
  changes.tensors = [](StoredTensors& tensors) {
    StoredTensors bare;
    for (auto& [name, tensor] : tensors) bare[name.substr(std::strlen("transformer."))] = std::move(tensor);
    const StoredTensor mask{DType::u8, Shape{1, 1, 2, 2}, std::vector<std::byte>(4)};
    bare["h.0.attn.bias"] = bare["h.1.attn.masked_bias"] = mask;
    bare["lm_head.weight"] = bare["wte.weight"];  // tied, and saved all the same
    tensors = std::move(bare);
  };
  import_to(changed_fixture(directory / "in", "gpt2", changes), directory / "ours");
  export_to(directory / "ours", directory / "out");
  EXPECT_EQ(tensors_in(directory / "out"), tensors_in(hf_fixture("gpt2")));
}

TEST(HfExport, KeepsWhatStandsBesideTheModel) {
  const TestDirectory directory("hf_companions");
  import_to(hf_fixture("llama2"), directory / "ours");
  export_to(directory / "ours", directory / "out");
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "generation_config.json"}) {
    EXPECT_EQ(read_text_file(directory / "out" / name), read_text_file(hf_fixture("llama2") / name)) << name;
  }
  const auto config = read_json(directory / "out" / "config.json");
  EXPECT_EQ(config.at("bos_token_id"), 1);
  EXPECT_EQ(config.at("eos_token_id"), 2);
}

// The ids stand in config.json, in generation_config.json, or in both; none may get lost.
TEST(HfExport, KeepsTheIdsOfBeginAndEnd) {
  const TestDirectory directory("hf_ids");
  const auto exported = [&](const nlohmann::json* generation) {
    for (const char* name : {"in", "ours", "theirs"}) fs::remove_all(directory / name);
    changed_fixture(directory / "in", "llama2", {.config = [](nlohmann::json& config) { config["eos_token_id"] = 7; }});
    if (generation != nullptr) write_text(directory / "in/generation_config.json", generation->dump());
    import_to(directory / "in", directory / "ours");
    export_to(directory / "ours", directory / "theirs");
    const nlohmann::json config = read_json(directory / "theirs/config.json");
    return std::pair(config.at("bos_token_id"), config.at("eos_token_id"));
  };
  EXPECT_EQ(exported(nullptr), std::pair(nlohmann::json(1), nlohmann::json(7)));
  const nlohmann::json temperature = {{"temperature", 0.7}};
  EXPECT_EQ(exported(&temperature), std::pair(nlohmann::json(1), nlohmann::json(7)));
  const nlohmann::json several = {{"eos_token_id", {2, 3}}};
  EXPECT_EQ(exported(&several), std::pair(nlohmann::json(1), nlohmann::json({2, 3})));
}

TEST(HfExport, CutsIntoFilesAsTheIndexSays) {
  const TestDirectory directory("hf_shards");
  import_to(hf_fixture("llama31"), directory / "ours");
  HfExportOptions options;
  options.load = directory / "ours";
  options.output = directory / "out";
  options.max_shard_bytes = 14'000;
  export_hf(options);
  EXPECT_FALSE(fs::exists(directory / "out" / "model.safetensors"));
  const auto index = read_json(directory / "out" / "model.safetensors.index.json");
  const auto theirs = read_json(hf_fixture("llama31") / "model.safetensors.index.json");
  EXPECT_EQ(index.at("metadata").at("total_size"), theirs.at("metadata").at("total_size"));
  EXPECT_EQ(index.at("weight_map").size(), theirs.at("weight_map").size());
  for (const auto& [name, file] : index.at("weight_map").items()) {
    EXPECT_NE(SafetensorsFile(directory / "out" / file.get<std::string>()).find(name), nullptr) << name;
  }
}

TEST(HfExport, ReadsSizesOfFiles) {
  EXPECT_EQ(parse_file_size("5GB"), 5'000'000'000);
  EXPECT_EQ(parse_file_size("2MiB"), 2 << 20);
  EXPECT_EQ(parse_file_size("123"), 123);
  for (const char* wrong : {"", "GB", "5 GB", "5gb", "-5GB", "0", "1.5GB", "99999999999999GB"}) {
    EXPECT_NE(message_of([&] { parse_file_size(wrong); }).find("is not the size of a file"), std::string::npos)
        << wrong;
  }
}

}  // namespace
}  // namespace kumiko
