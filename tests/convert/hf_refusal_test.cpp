#include <gtest/gtest.h>

#include "convert/hf_testing.h"

namespace kumiko {
namespace {

using namespace test;

// Refused with all of these phrases, and nothing written.
void expect_refusal(const fs::path& input, const fs::path& save, const std::vector<std::string>& phrases) {
  const std::string message = message_of([&] { import_to(input, save); });
  for (const std::string& phrase : phrases)
    EXPECT_NE(message.find(phrase), std::string::npos) << phrase << "\n" << message;
  EXPECT_FALSE(fs::exists(save));
}

TEST(HfImport, ListsEveryTensorThatDoesNotFit) {
  const TestDirectory directory("hf_misfits");
  Changes changes;
  changes.tensors = [](StoredTensors& tensors) {
    for (int layer = 0; layer < 2; ++layer) {
      const std::string prefix = "model.layers." + std::to_string(layer) + ".";
      for (const char* name : {"mlp.gate_proj.weight", "mlp.up_proj.weight", "self_attn.q_proj.weight",
                               "self_attn.k_proj.weight", "self_attn.v_proj.weight", "self_attn.o_proj.weight"}) {
        tensors.erase(prefix + name);
      }
      tensors[prefix + "self_attn.q_norm.weight"] = {DType::f32, Shape{4}, std::vector<std::byte>(16)};
    }
    tensors["model.norm.weight"] = {DType::f32, Shape{17}, std::vector<std::byte>(68)};
    StoredTensor& head = tensors["lm_head.weight"];
    head = {DType::u8, head.shape, std::vector<std::byte>(head.bytes.size() / 4)};
    tensors["embed_tokens.weight"] = tensors["model.embed_tokens.weight"];
  };
  std::vector<std::string> phrases = {"12 missing:",
                                      "1 of another shape:",
                                      "model.norm.weight: expected [16], found [17] F32",
                                      "1 of a type other than F32, BF16 and F16:",
                                      "lm_head.weight [280, 16] U8",
                                      "2 not expected:",
                                      "model.layers.1.self_attn.q_norm.weight [4] F32",
                                      "1 there twice:",
                                      "embed_tokens.weight and model.embed_tokens.weight"};
  for (const char* name : {"mlp.gate_proj.weight [22, 16]", "self_attn.k_proj.weight [8, 16]"}) {
    for (const char* layer : {"0.", "1."}) phrases.push_back(std::string("model.layers.") + layer + name);
  }
  expect_refusal(changed_fixture(directory / "in", "llama2", changes), directory / "out", phrases);
}

TEST(HfImport, RefusesATiedHeadThatIsNotTheEmbedding) {
  const TestDirectory directory("hf_head");
  Changes changes;
  changes.tensors = [](StoredTensors& tensors) {
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"];
    tensors["lm_head.weight"].bytes.back() ^= std::byte{1};
  };
  expect_refusal(
      changed_fixture(directory / "in", "mqa", changes), directory / "out",
      {"lm_head.weight [131, 36] F32: config.json says that the head is tied, but this is not the embedding"});
}

TEST(HfImport, RefusesAnIndexThatIsNotTrue) {
  const TestDirectory directory("hf_index");
  const fs::path input = directory / "in";
  fs::copy(hf_fixture("llama31"), input);
  auto index = read_json(input / "model.safetensors.index.json");
  index["weight_map"]["model.norm.weight"] = "model-00001-of-00003.safetensors";
  index["weight_map"]["model.other.weight"] = "model-00002-of-00003.safetensors";
  write_text(input / "model.safetensors.index.json", index.dump());
  expect_refusal(input, directory / "out",
                 {"model.norm.weight in model-00001-of-00003.safetensors",
                  "model.other.weight in model-00002-of-00003.safetensors"});
  fs::remove(input / "model-00002-of-00003.safetensors");
  fs::remove(input / "model-00003-of-00003.safetensors");
  expect_refusal(input, directory / "out", {"model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors"});
}

TEST(HfImport, RefusesWhatIsNoModelFolder) {
  const TestDirectory directory("hf_nothing");
  expect_refusal(directory / "absent", directory / "out", {"absent is not a folder"});
  fs::create_directories(directory / "in");
  expect_refusal(directory / "in", directory / "out", {"has no config.json"});
  write_text(directory / "in/config.json", "{}");
  write_text(directory / "in/pytorch_model.bin", "");
  expect_refusal(directory / "in", directory / "out",
                 {"looked for model.safetensors", "pytorch_model.bin is not read"});
}

TEST(HfImport, LeavesWhatIsThereAlone) {
  const TestDirectory directory("hf_occupied");
  write_text(directory / "file", "mine");
  const auto message = message_of([&] { import_to(hf_fixture("mqa"), directory.path()); });
  EXPECT_NE(message.find("is there already, and not empty"), std::string::npos) << message;
  EXPECT_EQ(read_text_file(directory / "file"), "mine");
  import_to(hf_fixture("mqa"), directory / "ours");
  const auto back = message_of([&] { export_to(directory / "ours", directory.path()); });
  EXPECT_NE(back.find("is there already, and not empty"), std::string::npos) << back;
}

TEST(HfExport, RefusesWhatFloat16CannotHold) {
  const TestDirectory directory("hf_overflow");
  Changes changes;
  changes.tensors = [](StoredTensors& tensors) {
    const float value = 70000;
    std::memcpy(tensors["model.norm.weight"].bytes.data() + 8, &value, sizeof(value));
  };
  import_to(changed_fixture(directory / "in", "mqa", changes), directory / "ours");
  const auto message = message_of([&] { export_to(directory / "ours", directory / "out", DType::f16); });
  EXPECT_NE(message.find("model.norm.weight has an element 70000, which is beyond the range of f16"), std::string::npos)
      << message;
  EXPECT_FALSE(fs::exists(directory / "out"));
  export_to(directory / "ours", directory / "out", DType::bf16);
}

}  // namespace
}  // namespace kumiko
