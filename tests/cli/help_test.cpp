// The help of every subcommand, as a terminal shows it.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <set>
#include <sstream>

#include "kumiko/base/text_width.h"
#include "support/subprocess.h"

namespace kumiko {
namespace {

using Words = std::vector<std::string>;

std::string help_of(const Words& subcommand, const std::string& flag = "--help") {
  Words arguments = {KUMIKO_PROGRAM};
  arguments.insert(arguments.end(), subcommand.begin(), subcommand.end());
  arguments.push_back(flag);
  const test::Finished finished = test::run_program(arguments);
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  return finished.output;
}

// The names below "Subcommands:".
Words subcommands_in(const std::string& help) {
  Words names;
  std::istringstream lines(help);
  bool among = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "Subcommands:") {
      among = true;
    } else if (among && line.starts_with("  ") && line[2] != ' ') {
      names.push_back(line.substr(2, line.find(' ', 2) - 2));
    } else if (line.empty()) {
      among = false;
    }
  }
  return names;
}

void for_each_subcommand(const Words& path, const std::function<void(const Words&)>& action) {
  action(path);
  for (const std::string& name : subcommands_in(help_of(path))) {
    Words below = path;
    below.push_back(name);
    for_each_subcommand(below, action);
  }
}

TEST(Help, FitsEightyColumns) {
  std::set<std::string> seen;
  for_each_subcommand({}, [&](const Words& path) {
    std::string name;
    for (const std::string& word : path) name += word + " ";
    seen.insert(name);
    for (const char* flag : {"--help", "--help-all"}) {
      std::istringstream lines(help_of(path, flag));
      for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(display_width(line), 80u) << name << flag << ": " << line;
      }
    }
  });
  for (const char* name : {"", "train ", "bench step ", "inspect mesh ", "tokenizer train ", "schedule compare "}) {
    EXPECT_EQ(seen.count(name), 1u) << name;
  }
}

TEST(Help, GoesOnBelowTheDescription) {
  const std::string help = help_of({"inspect"});
  EXPECT_NE(help.find("  --tensors                   List the tensors of a checkpoint too: shape, type,\n"
                      "                              size, and where they are stored\n"),
            std::string::npos)
      << help;
}

// Its name leaves one space between itself and the description.
TEST(Help, GoesOnBelowTheDescriptionOfALongName) {
  const std::string help = help_of({"bench", "step"});
  EXPECT_NE(help.find("  --emulated-bandwidth TEXT=0 bytes a second of each rank's emulated link, each\n"
                      "                              way, as"),
            std::string::npos)
      << help;
}

TEST(Examples, AreConfigurations) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(KUMIKO_FIXTURES "/../../examples")) {
    if (entry.path().extension() != ".toml") continue;
    ++count;
    const test::Finished finished =
        test::run_program({KUMIKO_PROGRAM, "train", entry.path().string(), "--show-config"});
    EXPECT_EQ(finished.exit_code, 0) << entry.path() << ": " << finished.output;
  }
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace kumiko
