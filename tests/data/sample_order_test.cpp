#include "kumiko/data/sample_order.h"

#include "data/order_fixtures.h"

namespace kumiko {
namespace {

using Starts = std::vector<SampleStart>;

Starts sample_index(const std::vector<int32_t>& sizes, const std::vector<int32_t>& order, int64_t seq_length,
                    int64_t num_samples) {
  return build_sample_index(std::span(sizes), order, seq_length, num_samples);
}

TEST(BuildSampleIndex, Goldens) {
  EXPECT_EQ(sample_index({5, 3, 7}, {0, 1, 2}, 4, 3), (Starts{{0, 0}, {0, 4}, {2, 0}, {2, 4}}));
  EXPECT_EQ(sample_index({5, 3, 7}, {2, 0, 1, 1, 2, 0}, 4, 7),
            (Starts{{0, 0}, {0, 4}, {1, 1}, {2, 0}, {3, 1}, {4, 2}, {4, 6}, {5, 3}}));
  EXPECT_EQ(sample_index({5, 0, 3, 7}, {0, 1, 2, 3}, 4, 3), (Starts{{0, 0}, {0, 4}, {3, 0}, {3, 4}}));
}

TEST(BuildSampleIndex, KeepsEveryStrideThStart) {
  const std::vector<int32_t> sizes = {5, 3, 7};
  EXPECT_EQ(build_sample_index(std::span(sizes), {2, 0, 1, 1, 2, 0}, 4, 7, 3), (Starts{{0, 0}, {2, 0}, {4, 6}}));
}

TEST(PlanEpochs, TakesTheFewestThatHoldTheSamples) {
  // 25 tokens an epoch, length 4: one epoch holds 6 samples.
  EXPECT_EQ(plan_epochs(25, 4, 6).num_epochs, 1);
  EXPECT_EQ(plan_epochs(25, 4, 7).num_epochs, 2);
  EXPECT_EQ(plan_epochs(25, 4, 0).num_epochs, 1);
  EXPECT_EQ(plan_epochs(25, 4, 0).num_samples, 6);
  EXPECT_EQ(plan_epochs(1, 4, 1).num_epochs, 5);
}

TEST(PlanEpochs, SeparatesAFinalEpochThatIsUsedToLessThanFourFifths) {
  // Two epochs hold 12 samples, the first 6; the second counts as little used below int(0.8 * 6) = 4 of its own.
  const EpochPlan little = plan_epochs(25, 4, 9);
  EXPECT_TRUE(little.separate_final_epoch);
  EXPECT_EQ(little.separate_from, 6);
  EXPECT_EQ(little.num_samples, 12);
  const EpochPlan much = plan_epochs(25, 4, 10);
  EXPECT_FALSE(much.separate_final_epoch);
  EXPECT_EQ(much.separate_from, 12);
}

TEST(BuildSampleOrder, IsMegatrons) {
  const auto cases = order_fixtures("orders");
  ASSERT_GE(cases.size(), 21U);
  bool separated = false;
  bool together = false;
  for (const auto& item : cases) {
    SCOPED_TRACE(item.at("dataset").get<std::string>() + " " + item.at("split").get<std::string>() + " " +
                 item.at("which").get<std::string>());
    const auto sizes = item.at("sizes").get<std::vector<int32_t>>();
    const auto which = item.at("which").get<std::string>();
    const size_t part = which == "train" ? 0 : which == "valid" ? 1 : 2;
    const SequenceRange range =
        split_ranges(item.at("split").get<std::string>(), static_cast<int64_t>(sizes.size()))[part];
    const int64_t seq_length = item.at("seq_length");
    const SampleOrder order =
        build_sample_order(std::span(sizes), range, item.at("num_samples"), seq_length, item.at("seed"));
    EXPECT_EQ(order.document_index, item.at("document_index").get<std::vector<int32_t>>());
    EXPECT_EQ(order.shuffle_index, item.at("shuffle_index").get<std::vector<uint32_t>>());
    separated = separated || order.epochs.separate_final_epoch;
    together = together || (order.epochs.num_epochs > 1 && !order.epochs.separate_final_epoch);
    Starts expected;
    for (const auto& start : item.at("sample_index")) expected.push_back({start.at(0), start.at(1)});
    EXPECT_EQ(build_sample_index(std::span(sizes), order.document_index, seq_length, order.epochs.num_samples),
              expected);
  }
  EXPECT_TRUE(separated) << "the fixtures should hold a final epoch that is shuffled apart";
  EXPECT_TRUE(together) << "the fixtures should hold a final epoch that is shuffled with the others";
}

TEST(SplitRanges, RoundsHalfToEven) {
  const auto ranges = split_ranges("990,9,1", 1000);
  EXPECT_EQ(ranges[0].begin, 0);
  EXPECT_EQ(ranges[0].end, 990);
  EXPECT_EQ(ranges[1].end, 999);
  EXPECT_EQ(ranges[2].end, 1000);
  EXPECT_EQ(split_ranges("1,1", 5)[0].end, 2);   // 2.5
  EXPECT_EQ(split_ranges("1, 1", 7)[0].end, 4);  // 3.5
  EXPECT_EQ(split_ranges("1", 7)[1].size(), 0);
}

TEST(SplitRanges, SaysWhatIsWrong) {
  EXPECT_EQ(error_message([] { split_ranges("99,x", 10); }),
            "split \"99,x\": \"x\" is not a share; expected up to three numbers from 0 up, as in 990,9,1 for train, "
            "valid and test");
  EXPECT_TRUE(contains(error_message([] { split_ranges("9,-1", 10); }), "\"-1\" is not a share"));
  EXPECT_TRUE(contains(error_message([] { split_ranges("", 10); }), "\"\" is not a share"));
  EXPECT_TRUE(contains(error_message([] { split_ranges("1,1,1,1", 10); }), "has 4 shares; expected at most three"));
  EXPECT_TRUE(contains(error_message([] { split_ranges("0,0,0", 10); }), "gives nothing to anyone"));
}

TEST(BuildSampleOrder, RefusesMoreSamplesThanItCanNumber) {
  const std::vector<int32_t> sizes = {2147483647};
  EXPECT_TRUE(contains(error_message([&] {
                         build_sample_order(std::span(sizes), {0, 1}, int64_t{1} << 32, 1, 0);
                       }),
                       "can be ordered; train on fewer samples or a longer seq_length"));
}

}  // namespace
}  // namespace kumiko
