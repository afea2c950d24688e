#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "kumiko/base/environment.h"
#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/base/system_failure.h"
#include "kumiko/base/text.h"
#include "kumiko/checkpoint/manifest.h"
#include "kumiko/cli/help_format.h"
#include "kumiko/cli/subcommands.h"

namespace kumiko {
namespace {

void set_log_level() {
  const std::string name = environment::get(environment::log_level, "info");
  if (name == "debug") return log::set_level(log::Level::debug);
  if (name == "info") return log::set_level(log::Level::info);
  if (name == "warning") return log::set_level(log::Level::warning);
  if (name == "error") return log::set_level(log::Level::error);
  throw_user("{}={}: expected debug, info, warning or error", environment::log_level, name);
}

// A stream that the caller has closed leads nowhere from here on: otherwise the next file opened, a checkpoint or a
// dataset, would take its number, and with it what the program says.
void open_standard_streams() {
  while (true) {
    const int descriptor = ::open("/dev/null", O_RDWR);
    if (descriptor > STDERR_FILENO) ::close(descriptor);
    if (descriptor < 0 || descriptor > STDERR_FILENO) return;
  }
}

int run(int argc, char** argv) {
  CLI::App app("Kumiko trains large language models in parallel, from a laptop to a supercomputer.", "kumiko");
  wrap_help_of(app);
  app.require_subcommand(1);
  app.set_version_flag("--version", "kumiko " + kumiko_version(), "The version of this program");
  app.set_help_all_flag("--help-all", "Help for all subcommands");
  add_train_command(app);
  add_generate_command(app);
  add_tokenizer_command(app);
  add_data_command(app);
  add_bench_command(app);
  add_inspect_command(app);
  add_convert_command(app);
  add_schedule_command(app);
  try {
    set_log_level();
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& ended) {  // a subcommand that has said why: the code of its ranks
    return ended.get_exit_code();
  } catch (const CLI::ParseError& error) {
    std::ostringstream text;
    const int code = app.exit(error, text, text);  // 0 of --help
    fmt::print(code == 0 ? stdout : stderr, "{}", printable(text.str()));
    return code == 0 ? 0 : exit_code(ErrorKind::user);
  } catch (const std::exception& exception) {
    const Error error = error_from(exception);
    log::error("{}{}", error_prefix(error.kind()), error.what());
    return exit_code(error.kind());
  }
  return 0;
}

}  // namespace
}  // namespace kumiko

int main(int argc, char** argv) {
  kumiko::open_standard_streams();
  return kumiko::run(argc, argv);
}
