#include "kumiko/checkpoint/describe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "checkpoint/directories.h"
#include "checkpoint/sample.h"
#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

std::string size_of_file(const std::filesystem::path& path) {
  return human_bytes(static_cast<double>(std::filesystem::file_size(path)));
}

TEST(Describe, ACheckpoint) {
  const TestDirectory root("describe");
  CheckpointOptions options;
  options.directory = root.path();
  sample::save(options, 1, sample::Layout::rows, 90, 1);
  sample::save(options, 1, sample::Layout::rows, 100, 7);
  const auto path = root / "step-0000100";
  const std::string size = size_of_file(path / "rank-00000-of-00001.safetensors");
  EXPECT_EQ(describe_checkpoint(root.path(), {.verify = true, .tensors = true}), "checkpoint   " + path.string() + R"(
step         100
written by   kumiko 0.1.0
all steps    90, 100
parameters   4,365 (4.4 k) in 5 tensors, 16.32 KiB
optimizer    401 in 2 tensors, 3.13 KiB
files        1 with )" + size + ", the largest " + size + R"(; every byte verified
state        {
               "seed": 7
             }

tensor                shape      dtype       size  stored as
h.0.attn.bias         [11]       f32         44 B  whole in rank-00000
h.0.attn.weight       [9, 5, 7]  bf16       630 B  whole in rank-00000
mask                  [3, 13]    u8          39 B  whole in rank-00000
none                  [0, 4]     f32          0 B  whole in rank-00000
optimizer.step        []         i64          8 B  whole in rank-00000
optimizer.wte.weight  [40, 10]   f64     3.12 KiB  whole in rank-00000
wte.weight            [40, 100]  f32    15.62 KiB  whole in rank-00000
)");
  EXPECT_TRUE(is_checkpoint(root.path()));
  EXPECT_TRUE(is_checkpoint(path));
  EXPECT_FALSE(is_checkpoint(path / "manifest.json"));
  EXPECT_FALSE(is_checkpoint(root.path().parent_path()));
}

TEST(Describe, AStateInWordsAndTensorsOnRequestOnly) {
  const TestDirectory root("describe");
  CheckpointOptions options;
  options.directory = root.path();
  sample::save(options, 1, sample::Layout::rows, 100, 7);
  DescribeOptions describe;
  EXPECT_EQ(describe_checkpoint(root.path(), describe).find("h.0.attn"), std::string::npos);
  describe.describe_state = [](const std::string& state, const std::string& origin) {
    return "state of " + origin + ": " + std::to_string(state.size()) + "\n";
  };
  EXPECT_NE(describe_checkpoint(root.path(), describe).find("state of " + (root / "step-0000100").string()),
            std::string::npos);
  // What it does not understand is shown as it is.
  describe.describe_state = [](const std::string&, const std::string&) -> std::string { throw_user("no"); };
  EXPECT_NE(describe_checkpoint(root.path(), describe).find("\"seed\": 7"), std::string::npos);
}

TEST(Describe, BoxesAndNumbersInOrder) {
  const TestDirectory root("describe");
  CheckpointOptions options;
  options.directory = root.path();
  options.plan.max_chunk_bytes = 4000;
  sample::save(options, 2, sample::Layout::rows, 5, 1);
  const std::string text = describe_checkpoint(root / "step-0000005", {.tensors = true});
  EXPECT_NE(
      text.find("[0:6, 0:100] in rank-00000, [6:13, 0:100] in rank-00000, [13:22, 0:100] in rank-00001 and 2 more "
                "boxes"),
      std::string::npos)
      << text;
  const auto value = nlohmann::json::parse(describe_checkpoint(root.path(), {.json = true}));
  EXPECT_EQ(value.at("step"), 5);
  EXPECT_EQ(value.at("num_parameters"), 4365);
  EXPECT_EQ(value.at("state").at("seed"), 1);
  EXPECT_EQ(value.at("tensors").at("wte.weight").at("chunks").size(), 5u);
}

TEST(Describe, ASafetensorsFile) {
  const std::filesystem::path path = KUMIKO_FIXTURES "/checkpoint/values.safetensors";
  EXPECT_EQ(describe_safetensors(path, {}), "safetensors  " + path.string() + R"(
elements     13 in 2 tensors, 56 B

tensor  shape   dtype  size  stored as
matrix  [3, 4]  F32    48 B  bytes 8 to 56
scalar  []      F64     8 B  bytes 0 to 8
)");
  const auto value = nlohmann::json::parse(describe_safetensors(path, {.json = true}));
  EXPECT_EQ(value.at("tensors").at("matrix").at("dtype"), "F32");
  EXPECT_EQ(value.at("num_elements"), 13);
}

}  // namespace
}  // namespace kumiko
