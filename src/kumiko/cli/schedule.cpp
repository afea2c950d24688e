#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/cli/schedule_options.h"
#include "kumiko/cli/subcommands.h"
#include "kumiko/schedule/comparison.h"
#include "kumiko/schedule/render_svg.h"
#include "kumiko/schedule/render_terminal.h"
#include "kumiko/schedule/report.h"
#include "kumiko/schedule/timeline_file.h"
#include "kumiko/train/terminal.h"

namespace kumiko {
namespace {

constexpr const char* rows_help = "Most ranks to print";

void list_schedules(bool json) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ScheduleGenerator& generator : schedule_generators()) {
    if (!json) {
      fmt::print("{:<24} {}\n", generator.name, generator.help);
      continue;
    }
    list.push_back({{"schedule", generator.name},
                    {"help", generator.help},
                    {"synchronous", generator.synchronous},
                    {"backward", generator.backward == BackwardKind::whole ? "whole" : "split"}});
  }
  if (json) fmt::print("{}\n", list.dump());
}

void add_list(CLI::App& parent) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* command = parent.add_subcommand("list", "Name all schedules");
  command->add_flag("--json", *json, "As JSON");
  command->callback([json] { list_schedules(*json); });
}

void add_simulate(CLI::App& parent) {
  struct Arguments {
    PipelineArguments pipeline;
    bool json = false;
    bool actions = false;
    int rows = 32;
  };
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = parent.add_subcommand("simulate", "Time, bubbles, activations and weights of one schedule");
  command->add_option("--schedule", arguments->pipeline.schedule, "Name of the schedule");
  add_pipeline_options(*command, arguments->pipeline);
  command->add_flag("--json", arguments->json, "As one line of JSON");
  command->add_flag("--actions", arguments->actions, "With --json, the beginning and end of every action too");
  command->add_option("--rows", arguments->rows, rows_help)->capture_default_str()->check(CLI::PositiveNumber);
  command->callback([command, arguments] {
    if (arguments->actions && !arguments->json) throw_user("--actions is for JSON: give --json too");
    const ScheduleRequest request = request_of_schedule(*command, arguments->pipeline);
    const ScheduleReport report = report_on_schedule(arguments->pipeline.schedule, request);
    fmt::print("{}", arguments->json ? to_json(report, arguments->actions) + "\n" : to_text(report, arguments->rows));
  });
}

void add_compare(CLI::App& parent) {
  struct Arguments {
    PipelineArguments pipeline;
    bool json = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = parent.add_subcommand("compare", "All schedules side by side");
  add_pipeline_options(*command, arguments->pipeline);
  command->add_flag("--json", arguments->json, "As one line of JSON");
  command->callback([command, arguments] {
    const std::vector<ComparedSchedule> all = compare_schedules(request_of(*command, arguments->pipeline));
    fmt::print("{}", arguments->json ? to_json(all) + "\n" : to_text(all));
  });
}

struct Picture {
  std::vector<Timeline> timelines;
  std::string time_unit;
};

// What the file measured, and below it what its stages' times should have come to.
Picture measured_picture(const CLI::App& command, const std::string& path, double transfer) {
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (option->count() > 0 && name != "--measured" && name != "--tc" && name != "--svg" && name != "--rows") {
      throw_user("{} and --measured: the file says what was run; leave {} out", name, name);
    }
  }
  TimelineFile file = read_timeline_file(path);
  if (command.count("--tc") == 0) transfer = file.request.transfer;
  Timeline simulated = file.timeline;
  simulated.times = simulate(simulated.schedule, mean_costs(file.timeline, transfer)).times;
  simulated.title = "simulated, with the mean times of each stage";
  file.timeline.title = "measured: " + file.timeline.title;
  return {{std::move(file.timeline), std::move(simulated)}, file.time_unit};
}

void add_show(CLI::App& parent) {
  struct Arguments {
    PipelineArguments pipeline;
    std::string measured;
    std::string svg;
    int rows = 32;
  };
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = parent.add_subcommand("show", "Draw a schedule's timeline, simulated or measured");
  command->add_option("--schedule", arguments->pipeline.schedule, "Name of the schedule");
  add_pipeline_options(*command, arguments->pipeline);
  command->add_option("--measured", arguments->measured,
                      "JSON file with the actions of a run and when they were, to draw with what was to be expected; "
                      "instead of all other options but --tc");
  command->add_option("--svg", arguments->svg, "SVG file to write");
  command->add_option("--rows", arguments->rows, rows_help)->capture_default_str()->check(CLI::PositiveNumber);
  command->callback([command, arguments] {
    Picture picture;
    if (!arguments->measured.empty()) {
      picture = measured_picture(*command, arguments->measured, arguments->pipeline.transfer);
    } else {
      const ScheduleRequest request = request_of_schedule(*command, arguments->pipeline);
      picture.timelines.push_back(timeline_of(report_on_schedule(arguments->pipeline.schedule, request)));
    }
    const Terminal terminal = Terminal::detect();
    fmt::print("{}", terminal_picture(picture.timelines, {terminal.width(), arguments->rows, terminal.color()}));
    if (arguments->svg.empty()) return;
    AtomicFile file(arguments->svg);
    file.write(timeline_svg(picture.timelines, picture.time_unit));
    file.commit();
    fmt::print("wrote {}\n", arguments->svg);
  });
}

}  // namespace

void add_schedule_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("schedule", "List, simulate, compare and draw pipeline schedules");
  command->require_subcommand(1);
  add_list(*command);
  add_show(*command);
  add_simulate(*command);
  add_compare(*command);
}

}  // namespace kumiko
