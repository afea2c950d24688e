#include "kumiko/text/json_object.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "data/dataset_testing.h"

namespace kumiko {
namespace {

std::string text_of(const std::string& json, const std::string& key = "text") {
  return read_json_text(json, 0, key).text;
}

std::string problem(const std::string& json, const std::string& key = "text") {
  try {
    read_json_text(json, 0, key);
  } catch (const BadJson& bad) {
    return fmt::format("{}{}: {}", bad.is_json ? "" : "not JSON, ", bad.position, bad.reason);
  }
  return "no error";
}

TEST(ReadJsonText, GivesTheTextUnderTheKey) {
  EXPECT_EQ(text_of(R"({"text":"a"})"), "a");
  EXPECT_EQ(text_of(R"( {"a":[{"text":1}],"text" : "x\n\"\\\/\u00e9\ud83d\ude00\u0000", "b":{}})").size(), 0U + 12);
  EXPECT_EQ(text_of(R"({"te\u0078t":"a"})"), "a");
  EXPECT_EQ(read_json_text(R"({"text":"a"}  {)", 0, "text").end, 12U);
  // As Python writes them, and numbers beyond any type.
  EXPECT_EQ(text_of(R"({"s":NaN,"t":-Infinity,"u":[1e999,-0.5E-7,1234567890123456789012],"text":"a"})"), "a");
  const JsonText half = read_json_text(R"({"text":"a\ud83d b\ude00\ud83d\u0041"})", 0, "text");
  EXPECT_EQ(half.text, "a\uFFFD b\uFFFD\uFFFDA");
  EXPECT_EQ(half.half_surrogates, 3);
  const std::string deep(100000, '[');
  EXPECT_EQ(text_of("{\"d\":" + deep + std::string(100000, ']') + ",\"text\":\"a\"}"), "a");
}

TEST(ReadJsonText, LooksAlongDots) {
  EXPECT_EQ(text_of(R"({"a":{"b":{"c":"x"}}})", "a.b.c"), "x");
  EXPECT_EQ(text_of(R"({"a":{"b":"x"},"a.b":"y"})", "a.b"), "y") << "the key as it is goes first";
  EXPECT_EQ(text_of(R"({"a.b":"y","a":{"b":"x"}})", "a.b"), "y");
  EXPECT_EQ(problem(R"({"b":"x","a":1})", "a.b"),
            "0: no key \"a.b\"; keys with text in this line: b; choose one with --json-key");
}

TEST(ReadJsonText, SaysWhatIsWrong) {
  EXPECT_EQ(problem(R"({"content":"x","id":3,"m":{"t":"y"}})"),
            "0: no key \"text\"; keys with text in this line: content, m.t; choose one with --json-key");
  EXPECT_EQ(problem(R"({"text":null,"t":"x"})"),
            "0: \"text\" is a JSON null; expected a string; keys with text in this line: t");
  EXPECT_EQ(problem(R"({"text":"a","text":"b"})"), "0: the key \"text\" is given 2 times; expected it once");
  EXPECT_EQ(problem(R"({"text":"a)"), "not JSON, 10: it ends inside a string");
  EXPECT_EQ(problem("{\"text\":\"a\nb\"}"),
            "not JSON, 10: the control character 0x0A stands in a string; expected an escape, as \\n");
  EXPECT_EQ(problem(R"({"text":"a",})"), "not JSON, 12: expected a key in quotes");
  EXPECT_EQ(problem(R"({"a":[1 2],"text":"a"})"), "not JSON, 8: expected ',' or ']'");
  EXPECT_EQ(problem(R"({'text':'a'})"), "not JSON, 1: expected a key in quotes");
  EXPECT_EQ(problem(R"({"a":01,"text":"a"})"), "not JSON, 6: expected '}'");
}

// The judge takes what this takes, and gives the same text, but for what Python alone writes.
TEST(ReadJsonText, AgreesWithAnotherReader) {
  const std::vector<std::string> parts = {"{",        "}",      "[",
                                          "]",        ",",      ":",
                                          "\"text\"", "\"a\"",  "\"\\u00e9\\n\"",
                                          "1",        "-1.5e3", "true",
                                          "null",     " ",      "\"\\ud83d\\ude00\"",
                                          "\"x",      "\\",     "0",
                                          ".",        "\"b\""};
  const std::string seed = R"({"a":[1,{"b":null}],"text":"x","c":{"text":2,"d":[]},"e":-0.5e7})";
  std::mt19937 random(3);
  int good = 0;
  for (int trial = 0; trial < 60000; ++trial) {
    std::string json = seed;
    for (uint32_t edits = random() % 4; edits > 0; --edits) {
      const size_t at = random() % json.size();
      json.replace(at, random() % 3, parts[random() % parts.size()]);
    }
    if (json.empty() || json[0] != '{') continue;
    const auto parsed = nlohmann::json::parse(json, nullptr, false);
    std::string text;
    bool is_json = true;
    bool has_text = true;
    size_t end = json.size();
    try {
      const JsonText read = read_json_text(json, 0, "text");
      text = read.text;
      end = read.end;
    } catch (const BadJson& bad) {
      is_json = bad.is_json;
      has_text = false;
      if (is_json) end = json_value_end(json, 0);
    }
    const bool whole = json.find_first_not_of(" ", end) == std::string::npos;
    ASSERT_EQ(is_json && whole, !parsed.is_discarded()) << json;
    if (!has_text || parsed.is_discarded()) continue;
    ++good;
    ASSERT_EQ(text, parsed.at("text").get<std::string>()) << json;
  }
  EXPECT_GT(good, 5000);
}

}  // namespace
}  // namespace kumiko
