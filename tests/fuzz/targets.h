// What the fuzzers try: one function a reader of files or messages that others made. A fuzzer (fuzzer.cpp) feeds them
// mutations; an ordinary test (corpus_test.cpp) the inputs that are kept.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace kumiko::fuzz {

struct Target {
  const char* name;
  // Reads the input and works with what came of it. A user error is what a damaged input should end in, and an error of
  // the environment one that it may; whatever else is thrown, is a finding, as is a crash or what require() refuses.
  void (*run)(std::string_view input);
};

std::span<const Target> targets();
// Null if there is none of that name.
const Target* find_target(std::string_view name);

// Runs the target; a sentence about the finding, or "".
std::string finding(const Target& target, std::string_view input);

// Throws a finding if it does not hold.
void require(bool holds, const char* what);

// A file of this process that holds `text`, always the same one for a name, gone when the process ends.
std::filesystem::path file_of(const char* name, std::string_view text);

// Two files in one input: the first and, behind a byte 1, the second.
std::pair<std::string_view, std::string_view> two_files(std::string_view input);

// The functions behind the table.
void tokenizer_json(std::string_view input);
void gpt2_files(std::string_view input);
void sentencepiece(std::string_view input);
void encode(std::string_view input);
void tokenizer_config(std::string_view input);
void indexed_dataset(std::string_view input);
void text_lines(std::string_view input);
void safetensors(std::string_view input);
void manifest(std::string_view input);
void hf_config(std::string_view input);
void configuration(std::string_view input);
void http(std::string_view input);
void metrics_log(std::string_view input);
void timeline(std::string_view input);
void kernel_case(std::string_view input);

}  // namespace kumiko::fuzz
