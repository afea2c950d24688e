#include "kumiko/data/dataset_summary.h"

#include <nlohmann/json.hpp>

#include "data/dataset_testing.h"

namespace kumiko {
namespace {

std::string decode(std::span<const int32_t> tokens) {
  std::string text;
  for (const int32_t token : tokens) text += static_cast<char>(token);
  return text;
}

class Summary : public ::testing::Test {
 protected:
  Summary() { write_dataset(prefix_, TokenType::u16, {{72, 105}, {}, {33}, {34, 10, 65}}); }
  TestFolder folder_;
  std::string prefix_ = folder_.path("d");
};

TEST_F(Summary, Text) {
  EXPECT_EQ(to_text(summarize(IndexedDataset(prefix_), 4), decode), "dataset " + prefix_ + R"(
  documents            4
  sequences            4
  tokens               6
  token type           uint16
  size on disk         134 B
  tokens a sequence    0 to 3, mean 1.5
  largest token id     105
  first tokens         72 105 33 34
  which read           "Hi!\""

  tokens a sequence              sequences
  0                                      1  ####################
  1                                      1  ####################
  2 - 3                                  2  ########################################
)");
}

TEST_F(Summary, Json) {
  const auto json = nlohmann::json::parse(to_json(summarize(IndexedDataset(prefix_), 3), {}));
  EXPECT_EQ(json.at("documents"), 4);
  EXPECT_EQ(json.at("token_type"), "uint16");
  EXPECT_EQ(json.at("max_token_id"), 105);
  EXPECT_EQ(json.at("first_tokens"), (std::vector<int>{72, 105, 33}));
  EXPECT_EQ(json.at("sequence_sizes").at(2), (nlohmann::json{{"from", 2}, {"count", 2}}));
  EXPECT_FALSE(json.contains("first_text"));
}

}  // namespace
}  // namespace kumiko
