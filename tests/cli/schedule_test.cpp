// `kumiko schedule` as a user runs it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kumiko/base/file.h"
#include "support/subprocess.h"

namespace kumiko {
namespace {

using nlohmann::json;
using test::Finished;

Finished schedule(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {KUMIKO_PROGRAM, "schedule"});
  return test::run_program(arguments);
}

// `command` for `name` with 4 ranks and 8 micro-batches, and further options.
Finished schedule_of(const std::string& command, const std::string& name, const std::vector<std::string>& options) {
  std::vector<std::string> arguments = {command, "--schedule", name, "--pipeline", "4", "--micro-batches", "8"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return schedule(arguments);
}

json json_of(const Finished& finished) {
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  return json::parse(finished.output);
}

void expect_error(const Finished& finished, const std::string& message) {
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_EQ(finished.output, "error: " + message + "\n");
}

class ScheduleFiles : public testing::Test {
 protected:
  ScheduleFiles() { std::filesystem::create_directories(folder_); }
  ~ScheduleFiles() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("kumiko_schedule_" + std::to_string(::getpid()));
};

TEST(ScheduleCommand, ListsNames) {
  const Finished text = schedule({"list"});
  EXPECT_EQ(text.exit_code, 0);
  for (const char* name : {"\n1f1b ", "\ninterleaved ", "\npipedream-2bw ", "\nchimera ", "\nzb-h1 ", "\nzb-2p "})
    EXPECT_NE(text.output.find(name), std::string::npos) << text.output;
  const json list = json_of(schedule({"list", "--json"}));
  EXPECT_EQ(list[0]["schedule"], "gpipe");
  EXPECT_EQ(list[0]["backward"], "whole");
}

TEST(ScheduleCommand, SimulatesAsJson) {
  const json found = json_of(schedule_of("simulate", "1F1B", {"--tf", "2", "--tb", "3", "--tw", "1", "--json"}));
  EXPECT_EQ(found["schedule"], "1f1b");
  EXPECT_EQ(found["pipeline"], 4);
  EXPECT_EQ(found["micro_batches"], 8);
  EXPECT_EQ(found["synchronous"], true);
  // (p - 1) T of (m + p - 1) T.
  EXPECT_NEAR(found["bubble_rate"].get<double>(), 3.0 / 11, 1e-12);
  EXPECT_NEAR(found["cost"].get<double>(), 66, 1e-9);
  EXPECT_EQ(found["peak_activations"], (json{4, 3, 2, 1}));
  EXPECT_EQ(found["weight_versions"], (json{1, 1, 1, 1}));
  EXPECT_EQ(found["busy"], (json{48, 48, 48, 48}));
  EXPECT_FALSE(found.contains("ranks"));
  const json actions = json_of(schedule_of("simulate", "1f1b", {"--json", "--actions"}))["ranks"];
  ASSERT_EQ(actions.size(), 4u);
  EXPECT_EQ(actions[0].size(), 16u);
  EXPECT_EQ(actions[0][0], (json{{"kind", "F"}, {"stage", 0}, {"micro_batch", 0}, {"begin", 0.0}, {"end", 1.0}}));
}

TEST(ScheduleCommand, SaysThatPipeDreamIsAsynchronous) {
  const Finished text = schedule_of("simulate", "pipedream", {});
  EXPECT_NE(text.output.find("asynchronous: weights are updated within the schedule, after every 1 micro-batch\n"),
            std::string::npos)
      << text.output;
  const json found = json_of(schedule_of("simulate", "pipedream", {"--json"}));
  EXPECT_EQ(found["synchronous"], false);
  EXPECT_EQ(found["weight_versions"], (json{4, 3, 2, 1}));
}

TEST(ScheduleCommand, ComparesAll) {
  const json all = json_of(schedule({"compare", "--pipeline", "3", "--micro-batches", "8", "--json"}));
  EXPECT_EQ(all.size(), json_of(schedule({"list", "--json"})).size());
  for (const json& one : all) {
    // Chimera pairs ranks.
    EXPECT_EQ(one.contains("refusal"), one["schedule"].get<std::string>().starts_with("chimera")) << one.dump();
    if (one["schedule"] == "gpipe") EXPECT_EQ(one["peak_activations"], 8);
  }
  const Finished text = schedule({"compare", "--pipeline", "3", "--micro-batches", "8"});
  EXPECT_NE(text.output.find("\nnot defined here:\nchimera: 3 pipeline ranks: "), std::string::npos) << text.output;
  EXPECT_NE(text.output.find("\npipedream *"), std::string::npos) << text.output;
}

TEST_F(ScheduleFiles, DrawsWhatWasMeasuredBesideWhatWasExpected) {
  std::ofstream(path("measured.json")) << json_of(schedule_of("simulate", "zb-h1", {"--json", "--actions"})).dump();
  const Finished shown = schedule({"show", "--measured", path("measured.json"), "--svg", path("both.svg")});
  EXPECT_EQ(shown.exit_code, 0) << shown.output;
  EXPECT_EQ(shown.output.find("measured: zb-h1, 4 ranks, 8 micro-batches: bubble rate"), 0u) << shown.output;
  EXPECT_NE(shown.output.find("\nsimulated, with the mean times of each stage: bubble rate"), std::string::npos);
  EXPECT_NE(shown.output.find("\nwrote " + path("both.svg") + "\n"), std::string::npos);
  const std::string svg = read_text_file(path("both.svg"));
  EXPECT_EQ(svg.find("<svg "), 0u);
  EXPECT_NE(svg.find("measured: zb-h1"), std::string::npos);
}

TEST_F(ScheduleFiles, TakesTimesOfEachStage) {
  std::ofstream(path("times.json")) << R"({"stages":[{"forward":1},{"forward":1},{"forward":1},{"forward":4}]})";
  const json found = json_of(schedule_of("simulate", "1f1b", {"--times", path("times.json"), "--json"}));
  EXPECT_EQ(found["busy"], (json{24, 24, 24, 48}));
  expect_error(schedule_of("simulate", "1f1b", {"--times", path("times.json"), "--tc", "1"}),
               "--tc and --times: the file says what each stage takes; leave --tc out");
  expect_error(schedule_of("simulate", "interleaved", {"--times", path("times.json")}),
               "costs of 4 stages: the schedule has 8 stages; give the costs of each");
  expect_error(schedule({"show", "--measured", path("times.json"), "--pipeline", "4"}),
               "--pipeline and --measured: the file says what was run; leave --pipeline out");
}

// The options that `--help` of a subcommand names at the beginning of a line.
std::vector<std::string> options_of(const std::string& subcommand) {
  std::istringstream help(schedule({subcommand, "--help"}).output);
  std::vector<std::string> options;
  for (std::string line; std::getline(help, line);) {
    const size_t begin = line.find("--");
    if (begin != std::string::npos && line.find_first_not_of(' ') == begin) {
      options.push_back(line.substr(begin, line.find_first_of(" \n", begin) - begin));
    }
  }
  return options;
}

TEST(ScheduleCommand, OptionsAreFrozen) {
  const std::vector<std::string> pipeline = {"--pipeline",
                                             "--micro-batches",
                                             "--chunks",
                                             "--pairs",
                                             "--micro-batches-per-update",
                                             "--tf",
                                             "--tb",
                                             "--tw",
                                             "--tc",
                                             "--times",
                                             "--memory-limit",
                                             "--after-backward"};
  const auto with = [&](std::vector<std::string> before, const std::vector<std::string>& after) {
    before.insert(before.end(), pipeline.begin(), pipeline.end());
    before.insert(before.end(), after.begin(), after.end());
    return before;
  };
  EXPECT_EQ(options_of("list"), std::vector<std::string>{"--json"});
  EXPECT_EQ(options_of("simulate"), with({"--schedule"}, {"--json", "--actions", "--rows"}));
  EXPECT_EQ(options_of("compare"), with({}, {"--json"}));
  EXPECT_EQ(options_of("show"), with({"--schedule"}, {"--measured", "--svg", "--rows"}));
}

TEST(ScheduleCommand, NamesWhatIsWrong) {
  const auto simulate = [](const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"simulate"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return schedule(arguments);
  };
  expect_error(simulate({"--pipeline", "4", "--micro-batches", "8"}),
               "--schedule is missing: give one that `kumiko schedule list` names");
  expect_error(simulate({"--schedule", "1f1b", "--pipeline", "4"}),
               "--micro-batches is missing: give the number of them");
  expect_error(simulate({"--schedule", "1f1b", "--pipeline", "0", "--micro-batches", "8"}),
               "pipeline = 0: expected 1 rank or more");
  expect_error(simulate({"--schedule", "1f1b", "--pipeline", "4", "--micro-batches", "0"}),
               "micro_batches = 0: expected 1 or more");
  expect_error(simulate({"--schedule", "1f1b", "--pipeline", "100000", "--micro-batches", "100000"}),
               "pipeline = 100000 x micro_batches = 100000 x chunks = 2 is more work than a schedule can be made for: "
               "expected at most 67108864");
  expect_error(schedule_of("simulate", "1f1b", {"--tb", "-1"}), "T_B = -1: expected 0 or more");
  expect_error(schedule_of("simulate", "1f1b", {"--tf", "0", "--tb", "0", "--tw", "0"}),
               "T_F, T_B and T_W are all 0: expected one of them above 0");
  expect_error(schedule_of("simulate", "1f1b", {"--chunks", "2"}),
               "--chunks means nothing to the schedule 1f1b, whose stages a rank are not open; leave it out");
  expect_error(schedule_of("simulate", "zb-h1", {"--pairs", "2"}),
               "--pairs means nothing to the schedule zb-h1, which has no pipelines in two directions; leave it out");
  expect_error(schedule_of("simulate", "interleaved", {"--chunks", "0"}),
               "chunks = 0: expected 1 stage a rank or more");
  expect_error(schedule_of("simulate", "1f1b", {"--actions"}), "--actions is for JSON: give --json too");
  const Finished unknown = schedule_of("show", "zb-h3", {});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_EQ(unknown.output.find("error: schedule = zb-h3: expected one of gpipe, 1f1b, "), 0u) << unknown.output;
}

}  // namespace
}  // namespace kumiko
