#include "kumiko/train/train.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "kumiko/base/log.h"
#include "kumiko/cli/subcommands.h"
#include "kumiko/comm/launcher.h"
#include "kumiko/comm/run.h"
#include "kumiko/train/signals.h"

namespace kumiko {
namespace {

struct TrainArguments {
  std::string file;
  bool show_config = false;
};

// Every option of the configuration, for --help.
std::string option_list() {
  Config config;
  std::string text = "Options of FILE, each also as --section.key VALUE behind it:\n";
  std::string section;
  const OptionTable table = config.table();
  for (const Option& option : table.options()) {
    if (option.section != section) {
      section = option.section;
      text += fmt::format("\n[{}]\n", section);
    }
    const std::string value = option.default_value.empty() ? "\"\"" : option.default_value;
    text += fmt::format("  {} = {}\n      {}\n", option.key, value, option.help);
  }
  return text;
}

}  // namespace

void add_train_command(CLI::App& app) {
  const auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command = app.add_subcommand("train", "Train a model; start it with mpiexec -n N for N ranks");
  command->add_option("FILE", arguments->file, "The configuration (TOML)")->required();
  command->add_flag("--show-config", arguments->show_config, "Print the configuration as it would be used, and stop");
  command->allow_extras();
  command->footer([] { return option_list(); });
  command->callback([arguments, command] {
    const auto load = [&] { return load_config(arguments->file, parse_overrides(command->remaining())); };
    if (arguments->show_config) {
      fmt::print("{}", load().to_toml());
      return;
    }
    // The first of all: from here on no signal ends the program without a word.
    const auto launch = discover_launch();
    StopSignals signals(launch && launch->rank > 0 ? StopSignals::Answer::none : StopSignals::Answer::line);
    Config config;
    const auto prepare = [&] {
      config = load();
      config.parallel.communication.validate();  // the rest when all ranks are known to have the same
      return config.parallel.communication;
    };
    const auto pool = MemoryPool::create();
    const auto body = [&](World& world) {
      train(config, world, pool, signals);
      return 0;
    };
    const int code = run_in_world(prepare, body, pool);
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace kumiko
