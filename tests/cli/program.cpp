#include "cli/program.h"

#include <fmt/core.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "kumiko/base/file.h"
#include "kumiko/base/random.h"
#include "kumiko/data/indexed_dataset_writer.h"

namespace kumiko::test {
namespace {

// Bytes with some structure: repeated syllables.
void write_dataset(const std::string& prefix) {
  constexpr const char* syllables[] = {"ka", "mi", "ku", "mo", "ri", "no", " ", ". "};
  const PhiloxKey key = random_key(3, RandomStream::test, 0);
  IndexedDatasetWriter writer(prefix, TokenType::u16);
  uint64_t next = 0;
  for (int document = 0; document < 40; ++document) {
    std::vector<int32_t> tokens;
    for (int i = 0; i < 60; ++i) {
      for (const char* c = syllables[random_bits(key, next++) % 8]; *c != '\0'; ++c) tokens.push_back(*c);
    }
    writer.append(tokens);
    writer.end_sequence();
    writer.end_document();
  }
  writer.commit();
}

constexpr const char* configuration = R"(
[model]
num_layers = 2
hidden_size = 32
num_attention_heads = 4
hidden_dropout = 0.1
attention_dropout = 0.1
[data]
tokenizer = "bytes"
data_path = "{0}/data"
split = "90,10,0"
[train]
seq_length = 16
micro_batch_size = 1
global_batch_size = 4
train_iters = 12
eval_interval = 6
eval_iters = 2
[optimizer]
lr = 1e-2
[parallel]
num_threads = 1
)";

}  // namespace

TinyRun::TinyRun(const std::string& name)
    : directory_(std::filesystem::temp_directory_path() / fmt::format("kumiko_{}_{}", name, ::getpid())) {
  std::filesystem::create_directories(directory_);
  write_dataset(path("data"));
  std::ofstream(path("run.toml")) << fmt::format(fmt::runtime(configuration), directory_.string());
}

TinyRun::~TinyRun() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

Finished TinyRun::train(int ranks, const std::vector<std::string>& options,
                        const std::vector<std::string>& environment) const {
  std::vector<std::string> command = {"/usr/bin/env"};
  command.insert(command.end(), environment.begin(), environment.end());
  if (ranks > 1) {
    command.insert(command.end(), {KUMIKO_MPIRUN, std::to_string(ranks)});
  }
  command.insert(command.end(), {KUMIKO_PROGRAM, "train", path("run.toml")});
  for (size_t i = 0; i + 1 < options.size(); i += 2) {
    command.push_back("--" + options[i]);
    command.push_back(options[i + 1]);
  }
  return run_program(command);
}

Finished TinyRun::run(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {KUMIKO_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_program(command);
}

std::vector<nlohmann::json> TinyRun::lines(const std::string& name) const {
  std::vector<nlohmann::json> parsed;
  std::ifstream lines(directory_ / name);
  for (std::string line; std::getline(lines, line);) parsed.push_back(nlohmann::json::parse(line));
  return parsed;
}

std::vector<LoggedStep> TinyRun::steps(const std::string& name) const {
  std::vector<LoggedStep> steps;
  for (const nlohmann::json& json : lines(name + "/metrics.jsonl")) {
    const auto number = [&](const char* key) { return json.at(key).is_null() ? 0.0 : json.at(key).get<double>(); };
    steps.push_back({json.at("step"), number("loss"), number("gradient_norm"), json.value("skipped", false)});
  }
  return steps;
}

std::string difference(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto tensors = [](const std::filesystem::path& root) {
    std::string name = read_text_file(root / "latest");
    name = name.substr(0, name.find(' '));
    const auto manifest = nlohmann::json::parse(read_text_file(root / name / "manifest.json"));
    std::map<std::string, std::string> bytes;
    for (const auto& [tensor, record] : manifest.at("tensors").items()) {
      for (const auto& chunk : record.at("chunks")) {
        const std::string file = read_text_file(root / name / chunk.at("file").get<std::string>());
        const size_t begin = chunk.at("bytes")[0];
        const size_t end = chunk.at("bytes")[1];
        bytes[tensor] += file.substr(begin, end - begin);
      }
    }
    return bytes;
  };
  const auto first = tensors(a);
  const auto second = tensors(b);
  if (first.empty()) return "nothing was saved";
  for (const auto& [name, bytes] : first) {
    if (!second.contains(name) || second.at(name) != bytes) return name;
  }
  return first.size() == second.size() ? "" : "the numbers of tensors";
}

}  // namespace kumiko::test
