#include "kumiko/base/options.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

enum class Colour { red, green };

struct Sample {
  int64_t count = 3;
  double rate = 0.5;
  bool on = false;
  std::string name = "a";
  std::vector<std::string> list;
  Colour colour = Colour::red;

  void describe(OptionTable& table) {
    table.section("sample");
    table.add("count", count, "how many");
    table.add("rate", rate, "how fast");
    table.add("on", on, "whether");
    table.add("name", name, "what it is called");
    table.add("list", list, "several");
    table.add_choice("colour", colour, {"red", "green"}, "which");
  }
};

std::string message_of(OptionTable& table, const std::string& name, const std::string& text) {
  try {
    table.set(name, text, "run.toml");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(OptionTable, SetsEveryKindAndReadsItBack) {
  Sample sample;
  OptionTable table;
  sample.describe(table);
  table.set("sample.count", "12", "test");
  table.set("sample.rate", "1e-4", "test");
  table.set("sample.on", "true", "test");
  table.set("sample.name", "b c", "test");
  table.set("sample.list", "x, y", "test");
  table.set("sample.colour", "green", "test");
  EXPECT_EQ(sample.count, 12);
  EXPECT_EQ(sample.rate, 1e-4);
  EXPECT_TRUE(sample.on);
  EXPECT_EQ(sample.name, "b c");
  EXPECT_EQ(sample.list, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(sample.colour, Colour::green);
  for (const Option& option : table.options()) {
    const std::string text = option.get();
    option.set(text);
    EXPECT_EQ(option.get(), text) << option.name();
  }
}

TEST(OptionTable, NamesWhatIsWrong) {
  Sample sample;
  OptionTable table;
  sample.describe(table);
  EXPECT_EQ(message_of(table, "sample.cuont", "1"),
            "run.toml: unknown option 'sample.cuont'; did you mean 'sample.count'?");
  EXPECT_EQ(message_of(table, "sample.count", "many"),
            "run.toml: sample.count = many: 'many' is not a whole number; how many");
  EXPECT_EQ(message_of(table, "sample.colour", "blue"),
            "run.toml: sample.colour = blue: 'blue' is not one of red, green; which (red | green)");
}

}  // namespace
}  // namespace kumiko
