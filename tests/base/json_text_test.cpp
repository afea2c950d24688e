#include "kumiko/base/json_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/base/json_place.h"

namespace kumiko {
namespace {

// The message of the user error that `action` ends with.
template <class Action>
std::string refusal(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "nothing was thrown";
}

std::string refusal_of(const std::string& text) {
  return refusal([&] { parse_json(text, "a.json"); });
}

TEST(JsonText, NamesFileLineAndColumn) {
  EXPECT_TRUE(refusal_of("{\n \"a\": 1,\n \"b\" 2}").starts_with("a.json: not valid JSON at line 3, column 6: syntax"))
      << refusal_of("{\n \"a\": 1,\n \"b\" 2}");
  EXPECT_TRUE(refusal_of("{\"a\": tru}").starts_with("a.json: not valid JSON at column 10: syntax error"));
  EXPECT_TRUE(refusal_of("").starts_with("a.json: not valid JSON at column 1: syntax error"));
  EXPECT_TRUE(refusal_of("[1, 2").find("unexpected end of input") != std::string::npos);
  EXPECT_TRUE(refusal_of("\"\xff\"").starts_with("a.json: not valid JSON at column 2"));
  EXPECT_LT(refusal_of("[\"" + std::string(100'000, 'x')).size(), 500u);  // the library repeats what it read
  EXPECT_TRUE(refusal([] { parse_json("[", ""); }).starts_with("not valid JSON"));
}

TEST(JsonText, RefusesNumbersThatNoDoubleHolds) {
  EXPECT_EQ(refusal_of("{\"a\": \"1e999\",\n \"b\": 1e999}"),
            "a.json: the number 1e999 at line 2, column 7 is too large: expected one below 1.8e308");
  EXPECT_EQ(refusal_of("[1, -1E+400]"),
            "a.json: the number -1E+400 at column 5 is too large: expected one below 1.8e308");
  const std::string long_number = refusal_of(std::string(5000, '9'));
  EXPECT_TRUE(long_number.starts_with("a.json: the number 9999") && long_number.size() < 200) << long_number;
}

TEST(JsonText, RefusesDepth) {
  for (const char open : {'[', '{'}) {
    EXPECT_EQ(refusal_of(std::string(100'000, open)),
              "a.json: it is nested more than 200 levels deep: no file of this kind is");
  }
  EXPECT_EQ(parse_json("[\"" + std::string(300, '[') + "\\\"[\"]", "").size(), 1u);  // brackets in a string
}

TEST(JsonText, ReadsTheNumbersThatPythonWrites) {
  const auto json = parse_json(R"({"a": NaN, "b": [Infinity, -Infinity, -1], "c": "NaN, \"Infinity", "NaN": 1})", "");
  EXPECT_TRUE(std::isnan(json["a"].get<double>()));
  EXPECT_EQ(json["b"][0].get<double>(), INFINITY);
  EXPECT_EQ(json["b"][1].get<double>(), -INFINITY);
  EXPECT_EQ(json["b"][2].get<int>(), -1);
  EXPECT_EQ(json["c"], "NaN, \"Infinity");
  EXPECT_EQ(json["NaN"], 1);
  EXPECT_EQ(parse_ordered_json(R"({"z": NaN, "a": 1})", "").begin().key(), "z");
}

TEST(JsonText, PlacesAreThoseOfTheTextBesideNumbersOfPython) {
  EXPECT_TRUE(refusal_of("[NaN,\n -Infinity, nope]").starts_with("a.json: not valid JSON at line 2, column 14"))
      << refusal_of("[NaN,\n -Infinity, nope]");
  for (const char* text : {"[nan]", "[NaNs]", "[-NaN]", "[Inf]", "{NaN: 1}"}) {
    EXPECT_TRUE(refusal_of(text).starts_with("a.json: not valid JSON")) << text;
  }
}

TEST(JsonPlace, RefusesWhatIsNoSize) {
  const auto json = parse_json(
      R"({"float": 2.0, "negative": -1, "huge": 9223372036854775808, "huger": 18446744073709551616, "text": "3",
          "most": 9223372036854775807, "nan": NaN})",
      "");
  const JsonPlace root(json, "");
  EXPECT_EQ(root["most"].size(), INT64_MAX);
  EXPECT_EQ(refusal([&] { root["float"].size(); }), "float is 2.0: expected a whole number, 0 or more");
  EXPECT_EQ(refusal([&] { root["negative"].size(); }), "negative is -1: expected a whole number, 0 or more");
  EXPECT_EQ(refusal([&] { root["huge"].size(); }), "huge is 9223372036854775808: expected a whole number below 2^63");
  EXPECT_TRUE(refusal([&] { root["huger"].size(); }).starts_with("huger is 1.8446744"));
  EXPECT_EQ(refusal([&] { root["text"].size(); }), "text is \"3\": expected a whole number, 0 or more");
  EXPECT_EQ(refusal([&] { root["huge"].integer(); }),
            "huge is 9223372036854775808: expected a whole number below 2^63");
  EXPECT_TRUE(refusal([&] { root["nan"].number(); }).ends_with("expected a finite number"));
  EXPECT_EQ(refusal([&] { root["none"].size(); }), "\"none\" is missing");
}

}  // namespace
}  // namespace kumiko
