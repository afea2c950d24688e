// The communication thread alone: order, side-by-side progress, errors, accounting. Transfers are driven by the test.
#include "kumiko/comm/queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <map>
#include <thread>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// What the test lets each operation do, by its sequence number.
struct Script {
  std::atomic<bool> started = false;
  std::atomic<bool> may_finish = false;
  std::atomic<bool> fails = false;
};

class ScriptedTransfer final : public Transfer {
 public:
  explicit ScriptedTransfer(Script& script) : script_(script) { script_.started = true; }
  Progress advance() override {
    if (script_.fails) throw_environment("the wire is cut");
    return script_.may_finish ? Progress::finished : Progress::none;
  }

 private:
  Script& script_;
};

class QueueTest : public testing::Test {
 protected:
  std::shared_ptr<Queue::Channel> open(std::map<int64_t, Script>& of) {
    return queue.open(
        [&](const Operation& operation) { return std::make_unique<ScriptedTransfer>(of.at(operation.sequence)); });
  }
  Event enqueue(const std::shared_ptr<Queue::Channel>& channel, int64_t sequence, Verb verb = Verb::barrier) {
    return queue.enqueue(channel, {.verb = verb,
                                   .input = {},
                                   .output = {},
                                   .reduction = ReduceOp::sum,
                                   .peer = -1,
                                   .purpose = "test",
                                   .axis = Axis::data,
                                   .sequence = sequence});
  }
  static void wait_until(const std::atomic<bool>& flag) {
    while (!flag) std::this_thread::yield();
  }
  // Long enough for the thread to have done what it wrongly might.
  static void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
  static std::string error_of(const Event& event) {
    try {
      event.wait();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  std::map<int64_t, Script> scripts, other_scripts;
  std::shared_ptr<TrafficLedger> ledger = std::make_shared<TrafficLedger>();
  Queue queue{ledger};
};

TEST_F(QueueTest, CollectivesOfAChannelRunInOrderAndChannelsSideBySide) {
  for (int64_t i = 1; i <= 3; ++i) scripts[i], other_scripts[i];
  const auto channel = open(scripts);
  const auto other = open(other_scripts);
  const Event first = enqueue(channel, 1);
  const Event second = enqueue(channel, 2);
  const Event elsewhere = enqueue(other, 1);
  wait_until(scripts[1].started);
  wait_until(other_scripts[1].started);
  settle();
  EXPECT_FALSE(scripts[2].started);
  other_scripts[1].may_finish = true;
  elsewhere.wait();
  EXPECT_FALSE(first.done());
  scripts[1].may_finish = true;
  first.wait();
  wait_until(scripts[2].started);
  EXPECT_FALSE(second.done());
  scripts[2].may_finish = true;
  second.wait();
  EXPECT_TRUE(second.done());
}

TEST_F(QueueTest, SendsAndReceivesRunSideBySideBetweenCollectives) {
  for (int64_t i = 1; i <= 4; ++i) scripts[i];
  const auto channel = open(scripts);
  const Event before = enqueue(channel, 1);
  const Event sent = enqueue(channel, 2, Verb::send);
  const Event received = enqueue(channel, 3, Verb::receive);
  const Event after = enqueue(channel, 4);
  wait_until(scripts[1].started);
  settle();
  EXPECT_FALSE(scripts[2].started);
  scripts[1].may_finish = true;
  wait_until(scripts[2].started);
  wait_until(scripts[3].started);
  scripts[3].may_finish = true;
  received.wait();
  settle();
  EXPECT_FALSE(scripts[4].started);
  scripts[2].may_finish = true;
  scripts[4].may_finish = true;
  after.wait();
  EXPECT_TRUE(before.done() && sent.done());
}

TEST_F(QueueTest, AnErrorReachesTheWaiterAndEndsTheChannelOnly) {
  for (int64_t i = 1; i <= 2; ++i) scripts[i], other_scripts[i];
  const auto channel = open(scripts);
  const auto other = open(other_scripts);
  scripts[1].fails = true;
  other_scripts[1].may_finish = true;
  const Event failed = enqueue(channel, 1);
  const Event later = enqueue(channel, 2, Verb::all_reduce);
  EXPECT_EQ(error_of(failed), "the wire is cut");
  EXPECT_EQ(error_of(failed), "the wire is cut");  // as often as one asks
  EXPECT_EQ(error_of(later),
            "all_reduce 2 (test) on the data axis was not started, because of an earlier failure: the wire is cut");
  EXPECT_FALSE(scripts[2].started);
  EXPECT_EQ(error_of(enqueue(other, 1)), "no error");
}

TEST_F(QueueTest, TasksRunOnTheThreadAndTheirErrorsComeBack) {
  std::thread::id where;
  queue.run([&] { where = std::this_thread::get_id(); });
  EXPECT_NE(where, std::this_thread::get_id());
  EXPECT_THROW(queue.run([] { throw_user("no"); }), Error);
}

TEST_F(QueueTest, CountsCallsBytesAndTheTimeThatCallersWaited) {
  for (int64_t i = 1; i <= 2; ++i) scripts[i];
  const auto channel = open(scripts);
  scripts[1].may_finish = true;
  const Event at_once = enqueue(channel, 1);
  queue.drain();
  at_once.wait();
  ASSERT_EQ(ledger->rows().size(), 1U);
  EXPECT_EQ(ledger->rows()[0].exposed, 0);
  const Event event = enqueue(channel, 2);
  std::thread finisher([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    scripts[2].may_finish = true;
  });
  event.wait();
  finisher.join();
  const TrafficRow row = ledger->rows()[0];
  EXPECT_EQ(row.calls, 2);
  EXPECT_EQ(row.verb, Verb::barrier);
  EXPECT_EQ(row.purpose, "test");
  EXPECT_GT(row.exposed, 0.02);
  EXPECT_GE(row.seconds, row.exposed * 0.5);
  ledger->reset();
  EXPECT_TRUE(ledger->rows().empty());
}

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Processor time, which other programs on the machine do not add to: a core burnt would be 0.3 s.
TEST_F(QueueTest, LeavesTheCoreAloneWhenNothingMoves) {
  scripts[1];
  const auto channel = open(scripts);
  double begin = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(cpu_seconds() - begin, 0.01) << "with nothing pending";
  const Event event = enqueue(channel, 1);
  begin = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(cpu_seconds() - begin, 0.1) << "with an operation pending that does not move";
  std::thread waiter([&] { event.wait(); });
  begin = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(cpu_seconds() - begin, 0.15) << "while someone waits for it";
  scripts[1].may_finish = true;
  waiter.join();
}

TEST(QueueEnd, GivesUpWhatIsPending) {
  std::map<int64_t, Script> scripts;
  scripts[1];
  auto queue = std::make_unique<Queue>(std::make_shared<TrafficLedger>());
  const auto channel = queue->open(
      [&](const Operation& operation) { return std::make_unique<ScriptedTransfer>(scripts.at(operation.sequence)); });
  const Event event = queue->enqueue(channel, {.verb = Verb::barrier,
                                               .input = {},
                                               .output = {},
                                               .reduction = ReduceOp::sum,
                                               .peer = -1,
                                               .purpose = "test",
                                               .axis = Axis::tensor,
                                               .sequence = 1});
  while (!scripts[1].started) std::this_thread::yield();
  queue.reset();
  try {
    event.wait();
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "barrier 1 (test) on the tensor axis was given up: communication has ended");
  }
}

}  // namespace
}  // namespace kumiko
