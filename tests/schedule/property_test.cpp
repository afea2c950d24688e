// What holds for every schedule of the table, whatever the sizes.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <random>
#include <set>
#include <string>
#include <tuple>

#include "kumiko/base/error.h"
#include "kumiko/schedule/generators.h"
#include "kumiko/schedule/lower.h"
#include "kumiko/schedule/simulate.h"
#include "kumiko/schedule/verify.h"

namespace kumiko {

std::ostream& operator<<(std::ostream& out, const ScheduleGenerator& generator) { return out << generator.name; }

namespace {

class EverySchedule : public testing::TestWithParam<ScheduleGenerator> {};

std::string text_of(const ScheduleRequest& request) {
  return fmt::format("p {} m {} v {} pairs {} times {:.2f} {:.2f} {:.2f} {:.2f}", request.num_ranks,
                     request.num_micro_batches, request.chunks, request.pipeline_pairs, request.times.forward,
                     request.times.backward, request.times.weight, request.transfer);
}

ScheduleRequest random_request(std::mt19937& random) {
  const auto integer = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)) + 1; };
  ScheduleRequest request;
  request.num_ranks = integer(9);
  request.num_micro_batches = integer(30);
  request.chunks = integer(4);
  if (request.num_ranks % 4 == 0) request.pipeline_pairs = integer(2);
  request.times = {integer(100) / 50.0, integer(100) / 50.0, integer(100) / 50.0};
  request.transfer = integer(10) / 50.0;
  return request;
}

// Each micro-batch has each of its actions at each stage once, each at the rank of its route, and nothing else.
void expect_all_work(const Schedule& schedule, BackwardKind backward) {
  std::set<std::tuple<ActionKind, int, int>> seen;
  size_t count = 0;
  for (int rank = 0; rank < schedule.num_ranks(); ++rank) {
    for (const Action& action : schedule.actions[static_cast<size_t>(rank)]) {
      seen.insert({action.kind, action.stage, action.micro_batch});
      ++count;
      ASSERT_EQ(schedule.rank_of(action.stage, action.micro_batch), rank);
    }
  }
  for (int stage = 0; stage < schedule.num_stages(); ++stage) {
    for (int n = 0; n < schedule.num_micro_batches(); ++n) {
      const bool split =
          seen.contains({ActionKind::backward, stage, n}) && seen.contains({ActionKind::weight, stage, n});
      const bool whole = seen.contains({ActionKind::whole_backward, stage, n});
      EXPECT_TRUE(seen.contains({ActionKind::forward, stage, n}));
      EXPECT_NE(split, whole);
      if (backward == BackwardKind::whole) {
        EXPECT_TRUE(whole);
      }
      count -= split ? 3 : 2;
    }
  }
  EXPECT_EQ(count, 0U);
}

// What one rank sends another is what that one asks for, in that order, and each action that needs a message has it
// asked for before.
void expect_messages_to_match(const Schedule& schedule) {
  std::vector<RankProgram> programs;
  for (int rank = 0; rank < schedule.num_ranks(); ++rank) programs.push_back(lower(schedule, rank));
  const auto between = [](const std::vector<Message>& messages, int peer) {
    std::vector<std::tuple<MessageKind, int, int>> result;
    for (const Message& message : messages) {
      if (message.peer == peer) result.emplace_back(message.kind, message.stage, message.micro_batch);
    }
    return result;
  };
  for (int sender = 0; sender < schedule.num_ranks(); ++sender) {
    for (int receiver = 0; receiver < schedule.num_ranks(); ++receiver)
      EXPECT_EQ(between(programs[static_cast<size_t>(sender)].sends, receiver),
                between(programs[static_cast<size_t>(receiver)].receives, sender));
  }
  for (const RankProgram& program : programs) {
    for (const Message& message : program.receives) {
      const Action& taker = program.actions[static_cast<size_t>(message.action)];
      EXPECT_EQ(std::tuple(taker.stage, taker.micro_batch, taker.kind == ActionKind::forward),
                std::tuple(message.stage, message.micro_batch, message.kind == MessageKind::activation));
    }
  }
}

TEST_P(EverySchedule, IsWholeAndRunsToItsEnd) {
  std::mt19937 random(6);
  const int trials = GetParam().make == make_searched ? 4 : 40;  // a search takes as long as all others
  int made = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const ScheduleRequest request = random_request(random);
    SCOPED_TRACE(text_of(request));
    Schedule schedule;
    try {
      schedule = GetParam().make(request);
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::user) << error.what();
      continue;
    }
    ++made;
    EXPECT_EQ(schedule.name, GetParam().name);
    EXPECT_EQ(schedule.is_synchronous(), GetParam().synchronous);
    EXPECT_EQ(schedule.num_ranks(), request.num_ranks);
    EXPECT_EQ(schedule.num_micro_batches(), request.num_micro_batches * schedule.parts_per_micro_batch);
    expect_all_work(schedule, GetParam().backward);
    const ScheduleFacts facts = verify(schedule);
    expect_messages_to_match(schedule);
    const Simulation simulation = simulate(schedule, costs_of(request, schedule.num_stages()));
    EXPECT_EQ(simulation.peak_activations, facts.peak_activations);
    EXPECT_GE(simulation.cost, *std::max_element(simulation.busy.begin(), simulation.busy.end()) * (1 - 1e-12));
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
  EXPECT_GE(made, trials / 4);
}

std::string name_of_test(const testing::TestParamInfo<ScheduleGenerator>& info) {
  std::string name(info.param.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Table, EverySchedule,
                         testing::ValuesIn(schedule_generators().begin(), schedule_generators().end()), name_of_test);

}  // namespace
}  // namespace kumiko
