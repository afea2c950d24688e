// The watchdogs of several ranks in one process, with letters in memory and a clock that the test sets.
#include "kumiko/comm/watchdog.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"

namespace kumiko {
namespace {

using Post = std::map<int, std::vector<Mailbox::Letter>>;  // by addressee

class MemoryMailbox final : public Mailbox {
 public:
  MemoryMailbox(Post& post, int rank, int size) : post_(post), rank_(rank), size_(size) {}
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void send(int to, std::span<const std::byte> bytes) override {
    post_[to].push_back({rank_, {bytes.begin(), bytes.end()}});
  }
  std::vector<Letter> take() override { return std::exchange(post_[rank_], {}); }

 private:
  Post& post_;
  int rank_;
  int size_;
};

Signature all_reduce(int64_t sequence) {
  Signature operation;
  operation.sequence = sequence;
  operation.verb = Verb::all_reduce;
  operation.dtype = DType::f32;
  operation.bytes = 4096;
  std::string_view("gradients").copy(operation.purpose.data(), operation.purpose.size());
  return operation;
}

struct Rank {
  Rank(Post& post, int rank, int size, const std::vector<RankInfo>& infos, double timeout = 100)
      : mailbox(post, rank, size),
        channel(log.open(Axis::data, {0, 1, 2})),
        watchdog({.timeout_seconds = timeout, .answer_seconds = 5},
                 {mailbox, log, note, infos, [this] { return waiting; }}, [this] { ended = true; }) {}

  MemoryMailbox mailbox;
  OperationLog log;
  ProgressNote note;
  std::shared_ptr<OperationLog::Channel> channel;
  bool waiting = true;
  bool ended = false;
  Watchdog watchdog;
};

class Watchdogs : public testing::Test {
 protected:
  Watchdogs() {
    for (int r = 0; r < 3; ++r) ranks.push_back(std::make_unique<Rank>(post, r, 3, infos));
    log::set_writer([this](std::string_view line) { said += line; });
  }
  ~Watchdogs() override { log::set_writer(nullptr); }

  // Lets the ranks look, twice in turn, so that letters come and are answered; `stopped` does not.
  void look(double seconds, int stopped = -1) {
    for (int round = 0; round < 3; ++round) {
      for (int r = 0; r < 3; ++r) {
        if (r != stopped) ranks[static_cast<size_t>(r)]->watchdog.look(start + static_cast<int64_t>(seconds * 1e9));
      }
    }
  }
  bool says(const std::string& text) const { return said.find(text) != std::string::npos; }

  const int64_t start = trace_clock();
  Post post;
  std::vector<RankInfo> infos = {{"here", 10, 0}, {"here", 11, 1}, {"there", 12, 0}};
  std::vector<std::unique_ptr<Rank>> ranks;
  std::string said;
};

TEST_F(Watchdogs, SayNothingWhileAllIsWell) {
  look(1000);
  for (const auto& rank : ranks) rank->channel->begin(all_reduce(1));
  look(99);
  for (const auto& rank : ranks) rank->channel->end(all_reduce(1));
  look(1000);
  EXPECT_EQ(said, "");
  EXPECT_FALSE(ranks[0]->ended);
}

TEST_F(Watchdogs, NameTheRankThatDoesNotAnswer) {
  for (const int r : {0, 2}) ranks[static_cast<size_t>(r)]->channel->begin(all_reduce(1));
  look(101, 1);
  EXPECT_EQ(said, "") << "there is time for answers";
  look(107, 1);
  EXPECT_TRUE(says("all_reduce 1 (gradients) of 1024 f32 by sum on the data axis has not completed in 10")) << said;
  EXPECT_TRUE(says("\n  arrived: ranks 0, 2\n  rank 1 (pid 11 on host here) does not answer within 5 s")) << said;
  look(112, 1);
  EXPECT_FALSE(ranks[0]->ended) << "the others have time for their reports";
  look(114, 1);
  EXPECT_TRUE(ranks[0]->ended);
  EXPECT_TRUE(ranks[2]->ended);
}

TEST_F(Watchdogs, NameTheRankThatSkippedAndWaitsElsewhere) {
  for (const auto& rank : ranks) rank->channel->end(all_reduce(1));
  ranks[0]->channel->begin(all_reduce(2));
  ranks[2]->channel->begin(all_reduce(2));
  ranks[1]->note.set_step(7);
  ranks[1]->note.set_place("optimizer");
  look(101);
  EXPECT_TRUE(
      says("rank 1 (pid 11 on host here) has not arrived: step 7, optimizer for 101.0 s; all_reduce 1 "
           "(gradients) of 1024 f32 by sum on the data axis completed 101.0 s ago"))
      << said;
  EXPECT_TRUE(says("reports a hang; this rank waits for nothing")) << said;
}

TEST_F(Watchdogs, WaitForARankAtWorkUntilItNoLongerIs) {
  ranks[0]->channel->begin(all_reduce(1));
  ranks[2]->channel->begin(all_reduce(1));
  ranks[1]->waiting = false;
  auto activity = std::make_unique<LongActivity>(ranks[1]->note, "saving a checkpoint");
  look(101);
  EXPECT_TRUE(says("but rank 1 is at work (rank 1: step 0, saving a checkpoint for 101.0 s): waiting on")) << said;
  look(150);
  EXPECT_FALSE(says("All ranks stop"));
  activity.reset();
  ranks[1]->note.set_place("evaluation", start + 200 * int64_t{1'000'000'000});
  look(202);
  EXPECT_FALSE(says("All ranks stop")) << "the place has just changed";
  look(303);
  EXPECT_TRUE(says("All ranks stop")) << said;
}

TEST_F(Watchdogs, WithoutATimeoutOnlyAnswer) {
  Rank patient(post, 1, 3, infos, 0);
  patient.channel->begin(all_reduce(1));
  patient.watchdog.look(start + int64_t{1'000'000'000'000});
  EXPECT_TRUE(post.empty() || post[0].empty());
}

TEST(Signature, MatchesItsOtherSideOnly) {
  Signature send = all_reduce(1);
  send.verb = Verb::send;
  send.peer = 4;
  Signature receive = send;
  receive.verb = Verb::receive;
  receive.peer = 3;
  EXPECT_TRUE(send.matches(3, receive, 4));
  EXPECT_TRUE(receive.matches(4, send, 3));
  EXPECT_FALSE(send.matches(3, send, 4));
  receive.bytes = 4;
  EXPECT_FALSE(send.matches(3, receive, 4));
  EXPECT_TRUE(all_reduce(1).matches(0, all_reduce(1), 1));
  EXPECT_FALSE(all_reduce(1).matches(0, all_reduce(2), 1));
  Signature other = all_reduce(1);
  other.reduction = ReduceOp::max;
  EXPECT_EQ(mismatch_text(0, all_reduce(1), 5, other),
            "the ranks of the data axis call different operations: rank 0: all_reduce 1 (gradients) of 1024 f32 by sum "
            "on the data axis; rank 5: all_reduce 1 (gradients) of 1024 f32 by max on the data axis; all of them must "
            "call the same ones in the same order, with the same sizes and types");
}

TEST(RankStatus, TravelsWithWhatIsFilledIn) {
  OperationLog log;
  const auto channel = log.open(Axis::tensor, {0, 2});
  const auto twin = log.open(Axis::tensor, {0, 2});
  EXPECT_NE(channel->id, twin->id);
  channel->begin(all_reduce(1));
  const RankStatus status = log.status(ProgressNote(), trace_clock());
  EXPECT_EQ(status.num_channels, 1) << "what has never been used says nothing";
  const RankStatus read = RankStatus::from_bytes(status.bytes());
  EXPECT_EQ(read.find(channel->id)->running[0].operation, all_reduce(1));
  EXPECT_LT(status.bytes().size(), sizeof status);
  EXPECT_THROW(RankStatus::from_bytes(status.bytes().first(20)), Error);
}

TEST(RankList, IsShort) {
  EXPECT_EQ(rank_list({3}), "rank 3");
  EXPECT_EQ(rank_list({0, 1, 2, 5, 8, 9}), "ranks 0-2, 5, 8, 9");
}

}  // namespace
}  // namespace kumiko
