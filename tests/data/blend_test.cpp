#include "kumiko/data/blend.h"

#include "data/order_fixtures.h"

namespace kumiko {
namespace {

TEST(BuildBlendIndex, Golden) {
  const std::vector<double> weights = {0.5, 0.25, 0.25};
  const BlendIndex index = build_blend_index(weights, 8);
  EXPECT_EQ(index.dataset, (std::vector<int16_t>{0, 1, 2, 0, 0, 1, 2, 0}));
  EXPECT_EQ(index.sample, (std::vector<int64_t>{0, 0, 0, 1, 2, 1, 1, 3}));
}

TEST(BuildBlendIndex, IsMegatrons) {
  const auto cases = order_fixtures("blend_indices");
  ASSERT_EQ(cases.size(), 4U);
  for (const auto& item : cases) {
    const auto dataset = item.at("dataset").get<std::vector<int16_t>>();
    const BlendIndex index =
        build_blend_index(item.at("weights").get<std::vector<double>>(), static_cast<int64_t>(dataset.size()));
    EXPECT_EQ(index.dataset, dataset);
    EXPECT_EQ(index.sample, item.at("sample").get<std::vector<int64_t>>());
  }
}

TEST(BlendSize, AddsASurplusOfHalfAPercent) {
  EXPECT_EQ(blend_size(0.25, 1000).used, 250);
  EXPECT_EQ(blend_size(0.25, 1000).built, 252);
  EXPECT_EQ(blend_size(0.3, 11).used, 4);
  EXPECT_EQ(blend_size(0.3, 11).built, 5);
}

TEST(ParseBlend, ReadsPrefixesOrWeightsAndPrefixes) {
  EXPECT_EQ(parse_blend({" a "}).prefixes, (std::vector<std::string>{"a"}));
  EXPECT_EQ(parse_blend({"a", "b"}).prefixes, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(parse_blend({"a", "b"}).weights.empty());
  const Blend blend = parse_blend({"0.3", "a", "70", "b"});
  EXPECT_EQ(blend.prefixes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(blend.weights, (std::vector<double>{0.3, 70}));
}

TEST(ParseBlend, ReadsMegatronsSpellingWithSpaces) {
  for (const std::vector<std::string>& given :
       {std::vector<std::string>{"0.3 a 0.7 b"}, {" 0.3  a\t0.7\nb "}, {"0.3 a", "0.7 b"}, {"0.3", "a", "0.7 b"}}) {
    const Blend blend = parse_blend(given);
    EXPECT_EQ(blend.prefixes, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(blend.weights, (std::vector<double>{0.3, 0.7}));
  }
  // A path may have spaces in it, and be a number.
  EXPECT_EQ(parse_blend({"my data/a"}).prefixes, (std::vector<std::string>{"my data/a"}));
  EXPECT_EQ(parse_blend({"2024"}).prefixes, (std::vector<std::string>{"2024"}));
  EXPECT_EQ(parse_blend({"0.3", "my data/a"}).prefixes, (std::vector<std::string>{"my data/a"}));
}

TEST(ParseBlend, NoticesAnEntryLeftOut) {
  for (const std::vector<std::string>& given : {std::vector<std::string>{"0.3 a 0.7"}, {"0.3", "a", "0.7"}}) {
    EXPECT_EQ(error_message([&] { parse_blend(given); }),
              "data_path has 3 entries, the last \"0.7\": a weight or a prefix is missing; expected weight prefix "
              "weight prefix ...");
  }
  EXPECT_EQ(parse_blend({"2022", "2023", "2024"}).prefixes.size(), 3U);
}

TEST(ParseBlend, SaysWhatIsWrong) {
  EXPECT_TRUE(contains(error_message([] { parse_blend({}); }), "data_path is empty"));
  EXPECT_EQ(error_message([] {
              parse_blend({"0.3", "a", "b", "c"});
            }),
            "data_path: \"b\" stands where a weight is expected; write either prefixes alone or weight prefix weight "
            "prefix ...");
  EXPECT_EQ(error_message([] {
              parse_blend({"0", "a"});
            }),
            "data_path: weight 0 of a must be above 0; leave the dataset out instead");
  EXPECT_TRUE(contains(error_message([] { parse_blend({"nan", "a"}); }), "weight nan of a must be above 0"));
}

}  // namespace
}  // namespace kumiko
