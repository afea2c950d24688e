// The simulated bubble rates of Qi et al. 2023, "Zero Bubble Pipeline Parallelism", for times measured on their
// machine.
#include <gtest/gtest.h>

#include <cmath>

#include "kumiko/schedule/generators.h"
#include "kumiko/schedule/simulate.h"

namespace kumiko {
namespace {

struct Model {
  const char* name;
  double hidden;
  double heads;
};
constexpr Model small{"1.5B", 2304, 24};
constexpr Model large{"6.2B", 4096, 32};
constexpr double sequence = 1024;

// Milliseconds; rates with four decimals.
struct Row {
  Model model;
  int num_micro_batches;
  StageTimes times;
  double transfer;
  struct Rate {
    const char* schedule;
    double rate;
  };
  std::vector<Rate> rates;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
      {small, 24, {18.522, 18.086, 9.337}, .601, {{"1f1b", .2431}, {"zb-1p", .1585}, {"zb-2p", .0433}}},
      {small, 32, {18.513, 18.086, 9.331}, .626, {{"1f1b", .1985}, {"zb-1p", .1242}, {"zb-2p", .0039}}},
      {small, 64, {18.546, 18.097, 9.321}, .762, {{"1f1b", .1240}, {"zb-1p", .0674}, {"zb-2p", .0026}}},
      {large, 24, {29.718, 29.444, 19.927}, .527, {{"1f1b", .2347}, {"zb-1p", .1323}, {"zb-2p", .0029}}},
      {large, 32, {29.802, 29.428, 19.530}, .577, {{"1f1b", .1898}, {"zb-1p", .1045}, {"zb-2p", .0022}}},
      {large, 64, {29.935, 29.621, 19.388}, .535, {{"1f1b", .1091}, {"zb-1p", .0554}, {"zb-2p", .0010}}},
  };
  return table;
}

ScheduleRequest request_of(const Row& row) {
  ScheduleRequest request;
  request.num_ranks = 8;
  request.num_micro_batches = row.num_micro_batches;
  request.times = row.times;
  request.transfer = row.transfer;
  return request;
}

// Bytes of one token and layer (Korthikanti et al. 2022), and what the weight gradients need of them.
StageMemory memory_of(const Model& model) {
  const double activations = 34 * model.hidden + 5 * model.heads * sequence;
  return {1, 32 * model.hidden / activations};
}

double rounded(double rate) { return std::round(rate * 1e4) / 1e4; }

TEST(PublishedTables, BubbleRatesToAllDecimals) {
  for (const Row& row : rows()) {
    for (const StageMemory& memory : {StageMemory{}, memory_of(row.model)}) {
      ScheduleRequest request = request_of(row);
      request.memory = memory;
      for (const Row::Rate& published : row.rates) {
        const Schedule schedule = find_schedule(published.schedule).make(request);
        const Simulation simulation = simulate(schedule, costs_of(request, schedule.num_stages()));
        EXPECT_DOUBLE_EQ(rounded(simulation.bubble_rate), published.rate)
            << row.model.name << ' ' << row.num_micro_batches << ' ' << published.schedule;
      }
    }
  }
}

// Held to the end of W, nothing is free after B: twice the memory then does less.
TEST(PublishedTables, TakeActivationsToBePartlyFreeAfterB) {
  ScheduleRequest request = request_of(rows().back());
  request.memory = {1, 1};
  const Simulation simulation = simulate(make_zb_2p(request), costs_of(request, 8));
  EXPECT_DOUBLE_EQ(rounded(simulation.bubble_rate), .0258);
  EXPECT_EQ(simulation.peak_activations[0], 16);
}

}  // namespace
}  // namespace kumiko
