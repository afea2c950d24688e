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
  int layers;  // with embedding and head, each in place of one
};
constexpr Model small_model{"1.5B", 2304, 24, 24};
constexpr Model large_model{"6.2B", 4096, 32, 32};
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
  double interleaved = 0;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
      {small_model,
       24,
       {18.522, 18.086, 9.337},
       .601,
       {{"1f1b", .2431}, {"zb-h1", 0.1585}, {"zb-h2", 0.1083}, {"zb-1p", .1585}, {"zb-2p", .0433}},
       0.1055},
      {small_model,
       32,
       {18.513, 18.086, 9.331},
       .626,
       {{"1f1b", .1985}, {"zb-h1", 0.1242}, {"zb-h2", 0.0837}, {"zb-1p", .1242}, {"zb-2p", .0039}},
       0.0818},
      {small_model,
       64,
       {18.546, 18.097, 9.321},
       .762,
       {{"1f1b", .1240}, {"zb-h1", 0.0674}, {"zb-h2", 0.0444}, {"zb-1p", .0674}, {"zb-2p", .0026}},
       0.0443},
      {large_model,
       24,
       {29.718, 29.444, 19.927},
       .527,
       {{"1f1b", .2347}, {"zb-h1", 0.1323}, {"zb-h2", 0.0698}, {"zb-1p", .1323}, {"zb-2p", .0029}},
       0.0808},
      {large_model,
       32,
       {29.802, 29.428, 19.530},
       .577,
       {{"1f1b", .1898}, {"zb-h1", 0.1045}, {"zb-h2", 0.0559}, {"zb-1p", .1045}, {"zb-2p", .0022}},
       0.0628},
      {large_model,
       64,
       {29.935, 29.621, 19.388},
       .535,
       {{"1f1b", .1091}, {"zb-h1", 0.0554}, {"zb-h2", 0.0294}, {"zb-1p", .0554}, {"zb-2p", .0010}},
       0.0320},
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

// One layer a stage, the embedding and the head counting as one each.
TEST(PublishedTables, InterleavedWithinFiveThousandths) {
  for (const Row& row : rows()) {
    ScheduleRequest request = request_of(row);
    request.chunks = row.model.layers / request.num_ranks;
    const Schedule schedule = make_interleaved(request);
    const Simulation simulation = simulate(schedule, costs_of(request, schedule.num_stages()));
    EXPECT_NEAR(simulation.bubble_rate, row.interleaved, .005) << row.model.name << ' ' << row.num_micro_batches;
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
