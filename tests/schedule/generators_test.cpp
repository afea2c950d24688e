#include "kumiko/schedule/generators.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <string>

#include "kumiko/base/error.h"
#include "kumiko/schedule/verify.h"

namespace kumiko {
namespace {

ScheduleRequest request_of(int num_ranks, int num_micro_batches, int chunks = 1) {
  ScheduleRequest request;
  request.num_ranks = num_ranks;
  request.num_micro_batches = num_micro_batches;
  request.chunks = chunks;
  return request;
}

// "F0.0 F0.1 BW0.0", kind, stage and micro-batch of each action.
std::string text_of(const Schedule& schedule, int rank) {
  std::string text;
  for (const Action& action : schedule.actions[static_cast<size_t>(rank)])
    text += fmt::format("{}{}{}.{}", text.empty() ? "" : " ", name_of(action.kind), action.stage, action.micro_batch);
  return text;
}

// "0 0 1 1", the weights that each F reads.
std::string versions_of(const Schedule& schedule, int rank) {
  std::string text;
  for (const Action& action : schedule.actions[static_cast<size_t>(rank)]) {
    if (action.kind == ActionKind::forward) text += fmt::format("{}{}", text.empty() ? "" : " ", action.weight_version);
  }
  return text;
}

constexpr int ranks[] = {1, 2, 3, 4, 8, 13};

TEST(Generators, AreFoundByNameAndAlias) {
  EXPECT_EQ(find_schedule("ZB_H1").name, "zb-h1");
  EXPECT_EQ(find_schedule("1F1B-I").name, "interleaved");
  EXPECT_EQ(find_schedule("interleaved_1f1b").name, "interleaved");
  EXPECT_EQ(find_schedule("2bw").name, "pipedream-2bw");
  try {
    find_schedule("2f2b");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    EXPECT_TRUE(std::string(error.what()).starts_with("schedule = 2f2b: expected one of gpipe, 1f1b, interleaved, "))
        << error.what();
  }
}

TEST(GPipe, HoldsAllMicroBatches) {
  EXPECT_EQ(text_of(make_gpipe(request_of(2, 2)), 1), "F1.0 F1.1 BW1.0 BW1.1");
  for (const int p : ranks) EXPECT_EQ(verify(make_gpipe(request_of(p, 7))).peak_activations, std::vector<double>(p, 7));
}

TEST(OneForwardOneBackward, HoldsAsManyAsThereAreStagesBehind) {
  EXPECT_EQ(text_of(make_one_forward_one_backward(request_of(2, 3)), 0), "F0.0 F0.1 BW0.0 F0.2 BW0.1 BW0.2");
  for (const int p : ranks) {
    for (const int m : {1, 3, 8, 40}) {
      const ScheduleFacts facts = verify(make_one_forward_one_backward(request_of(p, m)));
      for (int s = 0; s < p; ++s) EXPECT_EQ(facts.peak_activations[static_cast<size_t>(s)], std::min(m, p - s));
    }
  }
}

TEST(Interleaved, OrderOfNarayanan) {
  // Figure 4 of the paper, the first and the last of 4 ranks, to the end of the first group's first backward.
  const Schedule schedule = make_interleaved(request_of(4, 8, 2));
  EXPECT_TRUE(text_of(schedule, 0)
                  .starts_with("F0.0 F0.1 F0.2 F0.3 F4.0 F4.1 F4.2 F4.3 F0.4 F0.5 F0.6 BW4.0 F0.7 BW4.1 F4.4 BW4.2 "
                               "F4.5 BW4.3 F4.6 BW0.0"))
      << text_of(schedule, 0);
  EXPECT_TRUE(text_of(schedule, 3).starts_with("F3.0 F3.1 F3.2 F3.3 F7.0 BW7.0 F7.1 BW7.1 F7.2 BW7.2 F7.3 BW7.3 F3.4"))
      << text_of(schedule, 3);
}

TEST(Interleaved, WithOneChunkIsOneForwardOneBackward) {
  for (const int p : ranks) {
    for (const int m : {1, 3, 8, 40})
      EXPECT_EQ(make_interleaved(request_of(p, m)).actions, make_one_forward_one_backward(request_of(p, m)).actions);
  }
}

TEST(Interleaved, HoldsMoreThanOneForwardOneBackward) {
  for (const int p : ranks) {
    for (const int v : {2, 3, 5}) {
      for (const int m : {3 * p, 3 * p + 1, 5 * p - 1}) {
        const ScheduleFacts facts = verify(make_interleaved(request_of(p, m, v)));
        EXPECT_DOUBLE_EQ(facts.peak_activations[0], p * (1 + (p - 1.0) / (p * v))) << p << ' ' << v << ' ' << m;
      }
    }
  }
}

TEST(ZeroBubbleH1, HoldsAsManyAsTheFirstStageOfOneForwardOneBackward) {
  EXPECT_EQ(text_of(make_zb_h1(request_of(2, 3)), 0), "F0.0 F0.1 B0.0 W0.0 F0.2 B0.1 W0.1 B0.2 W0.2");
  EXPECT_EQ(text_of(make_zb_h1(request_of(2, 3)), 1), "F1.0 B1.0 F1.1 B1.1 W1.0 F1.2 B1.2 W1.1 W1.2");
  for (const int p : ranks) {
    for (const int m : {1, 3, 8, 40})
      EXPECT_EQ(verify(make_zb_h1(request_of(p, m))).peak_activations,
                std::vector<double>(static_cast<size_t>(p), std::min(m, p)));
  }
}

TEST(ZeroBubbleH2, HoldsTwiceAsMany) {
  EXPECT_EQ(text_of(make_zb_h2(request_of(2, 3)), 0), "F0.0 F0.1 F0.2 B0.0 W0.0 B0.1 W0.1 B0.2 W0.2");
  EXPECT_EQ(text_of(make_zb_h2(request_of(2, 3)), 1), "F1.0 B1.0 F1.1 B1.1 F1.2 B1.2 W1.0 W1.1 W1.2");
  for (const int p : ranks) {
    for (const int m : {1, 3, 8, 40})
      EXPECT_EQ(verify(make_zb_h2(request_of(p, m))).peak_activations,
                std::vector<double>(static_cast<size_t>(p), std::min(m, 2 * p - 1)));
  }
}

TEST(PipeDream, StashesWhatIsInFlight) {
  EXPECT_EQ(versions_of(make_pipedream(request_of(3, 6)), 0), "0 0 0 1 2 3");
  EXPECT_EQ(versions_of(make_pipedream(request_of(3, 6)), 2), "0 1 2 3 4 5");
  for (const int p : ranks) {
    const ScheduleFacts facts = verify(make_pipedream(request_of(p, 40)));
    for (int s = 0; s < p; ++s) {
      EXPECT_EQ(facts.weight_versions[static_cast<size_t>(s)], p - s);
      EXPECT_EQ(facts.peak_activations[static_cast<size_t>(s)], p - s);
    }
  }
}

TEST(PipeDreamVerticalSync, HasOneVersionAtAllStages) {
  for (int rank = 0; rank < 3; ++rank)
    EXPECT_EQ(versions_of(make_pipedream_vertical_sync(request_of(3, 6)), rank), "0 0 0 1 2 3");
  for (const int p : ranks)
    EXPECT_EQ(verify(make_pipedream_vertical_sync(request_of(p, 40))).weight_versions,
              std::vector<int>(static_cast<size_t>(p), p));
}

TEST(PipeDream2BW, HasTwoVersions) {
  EXPECT_EQ(versions_of(make_pipedream_2bw(request_of(3, 11)), 0), "0 0 0 0 0 0 1 1 1 2 2");
  for (const int p : ranks) {
    ScheduleRequest request = request_of(p, 60);
    for (const int g : {0, p, p + 3}) {
      request.micro_batches_per_update = g;
      EXPECT_EQ(verify(make_pipedream_2bw(request)).weight_versions, std::vector<int>(static_cast<size_t>(p), 2));
    }
  }
}

TEST(PipeDream2BW, RefusesFewerMicroBatchesThanRanks) {
  ScheduleRequest request = request_of(4, 8);
  request.micro_batches_per_update = 3;
  try {
    make_pipedream_2bw(request);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    EXPECT_STREQ(error.what(),
                 "pipedream-2bw: 3 micro-batches per update with 4 ranks in the pipeline: expected 4 or more");
  }
}

}  // namespace
}  // namespace kumiko
