// What a slower network would cost, and that operations take that long without a processor's help.
#include "kumiko/comm/emulated_link.h"

#include <gtest/gtest.h>

#include <ctime>
#include <functional>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"

namespace kumiko {
namespace {

constexpr int64_t second = 1'000'000'000;

TEST(EmulatedLink, LatenciesOverlapAndBytesFollowEachOther) {
  EmulatedLink link({.latency = 0.5, .bandwidth = 100});
  EXPECT_EQ(link.occupy({.steps = 2, .sent = 300, .received = 100}, 10 * second), 14 * second);
  EXPECT_EQ(link.occupy({.steps = 1, .sent = 0, .received = 0}, 11 * second), 11 * second + second / 2);
  EXPECT_EQ(link.occupy({.steps = 0, .sent = 100, .received = 0}, 11 * second), 14 * second) << "after what is sent";
  EXPECT_EQ(link.occupy({.steps = 0, .sent = 0, .received = 100}, 11 * second), 12 * second) << "the other direction";
  EXPECT_EQ(link.occupy({.steps = 0, .sent = 100, .received = 0}, 20 * second), 21 * second) << "free again";
}

TEST(EmulatedLink, WithoutALimitBytesTakeNoTime) {
  EmulatedLink link({.latency = 0.5, .bandwidth = 0});
  EXPECT_EQ(link.occupy({.steps = 2, .sent = int64_t{1} << 50, .received = 0}, 0), second);
  EXPECT_FALSE(EmulatedLink({}).emulated());
}

TEST(LinkSeconds, IsLatencyOfEachStepAndTheLargerDirection) {
  EXPECT_DOUBLE_EQ(link_seconds({.steps = 3, .sent = 10, .received = 40}, 0.25, 20), 2.75);
  EXPECT_DOUBLE_EQ(link_seconds({.steps = 3, .sent = 10, .received = 40}, 0.25, 0), 0.75);
}

// Done as soon as it is begun.
class InstantTransfer final : public Transfer {
 public:
  Progress advance() override { return Progress::finished; }
};

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

class HeldOperations : public testing::Test {
 protected:
  std::shared_ptr<Queue::Channel> open() {
    return queue.open([this](const Operation&) {
      return std::make_unique<HeldTransfer>(std::make_unique<InstantTransfer>(),
                                            link.occupy({.steps = 1, .sent = 100, .received = 100}, trace_clock()));
    });
  }
  Event enqueue(const std::shared_ptr<Queue::Channel>& channel) {
    return queue.enqueue(channel, {.verb = Verb::barrier, .input = {}, .output = {}, .purpose = "test"});
  }

  EmulatedLink link{{.latency = 0.05, .bandwidth = 1000}};  // of each operation: 50 ms, and 100 ms of the link
  std::shared_ptr<TrafficLedger> ledger = std::make_shared<TrafficLedger>();
  Queue queue{ledger};
};

TEST_F(HeldOperations, OfAllChannelsShareTheLinkAndCostNoProcessor) {
  const auto channel = open();
  const auto other = open();
  const double processor = processor_seconds();
  const double begin = seconds_now();
  const Event first = enqueue(channel);
  const Event elsewhere = enqueue(other);
  first.wait();
  const double of_first = seconds_now() - begin;
  elsewhere.wait();
  EXPECT_GE(of_first, 0.15);
  EXPECT_GE(seconds_now() - begin, 0.25);
  EXPECT_LT(processor_seconds() - processor, 0.02) << "the thread must sleep";
}

TEST_F(HeldOperations, OfOneChannelComeOneAfterTheOther) {
  const auto channel = open();
  const double begin = seconds_now();
  const Event first = enqueue(channel);
  enqueue(channel).wait();
  EXPECT_TRUE(first.done());
  EXPECT_GE(seconds_now() - begin, 0.3);
  ASSERT_EQ(ledger->rows().size(), 1U);
  EXPECT_GE(ledger->rows()[0].seconds, 0.3) << "emulated time is counted";
  EXPECT_GE(ledger->rows()[0].exposed, 0.3 - 0.01);
}

// New work is taken up while another operation is held.
TEST_F(HeldOperations, DoNotKeepTheThreadFromOtherWork) {
  EmulatedLink slow({.latency = 30, .bandwidth = 0});
  const auto held = queue.open([&](const Operation&) {
    return std::make_unique<HeldTransfer>(std::make_unique<InstantTransfer>(),
                                          slow.occupy({.steps = 1, .sent = 0, .received = 0}, trace_clock()));
  });
  const Event event = enqueue(held);
  const double begin = seconds_now();
  queue.run([] {});
  enqueue(open()).wait();
  EXPECT_LT(seconds_now() - begin, 20);
  EXPECT_FALSE(event.done());
}

TEST(CommunicationOptions, RefusesWhatCannotBe) {
  const auto message_of = [](const CommunicationOptions& options) -> std::string {
    try {
      options.validate();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::user);
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message_of({}), "no error");
  EXPECT_EQ(message_of({.timeout_minutes = -1, .link = {}}),
            "parallel.distributed_timeout_minutes = -1: expected minutes, 0 or more");
  EXPECT_EQ(message_of({.link = {.latency = -0.5}}), "parallel.emulated_latency = -0.5: expected seconds, 0 or more");
  EXPECT_EQ(message_of({.link = {.bandwidth = 1.0 / 0.0}}),
            "parallel.emulated_bandwidth = inf: expected bytes a second, 0 or more");
}

}  // namespace
}  // namespace kumiko
