#include "kumiko/train/traffic_table.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

TEST(TrafficTable, IsAsItIs) {
  const std::vector<TrafficRow> traffic = {
      {Verb::all_reduce, Axis::tensor, "loss", 4, 2'000, 0.002, 0.002},
      {Verb::all_reduce, Axis::data, "gradients", 4, 20'000'000, 0.5, 0.05},
      {Verb::all_gather, Axis::tensor, "weight gradient inputs", 8, 6'000'000, 0.098, 0.018},
  };
  EXPECT_EQ(traffic_table(traffic, 2),
            "communication                               MB/step   ms/step   exposed   hidden\n"
            "data: all_reduce gradients                   10.000    250.00     25.00    90.0%\n"
            "tensor: all_reduce loss                       0.001      1.00      1.00     0.0%\n"
            "tensor: all_gather weight gradient inputs     3.000     49.00      9.00    81.6%\n"
            "tensor: all                                   3.001     50.00     10.00    80.0%\n");
  EXPECT_EQ(traffic_table({}, 2), "");
}

TEST(TrafficSince, SubtractsWhatWasBefore) {
  const TrafficRow before{Verb::all_reduce, Axis::tensor, "loss", 4, 2'000, 0.5, 0.25};
  TrafficRow now = before;
  EXPECT_TRUE(traffic_since({before}, {now}).empty());
  now.calls = 6;
  now.bytes = 3'000;
  now.seconds = 0.75;
  const TrafficRow other{Verb::all_gather, Axis::tensor, "loss", 1, 8, 1, 1};
  const std::vector<TrafficRow> since = traffic_since({before}, {now, other});
  ASSERT_EQ(since.size(), 2u);
  EXPECT_EQ(since[0].calls, 2);
  EXPECT_EQ(since[0].bytes, 1'000);
  EXPECT_EQ(since[0].seconds, 0.25);
  EXPECT_EQ(since[0].exposed, 0);
  EXPECT_EQ(since[1].calls, 1);
}

}  // namespace
}  // namespace kumiko
