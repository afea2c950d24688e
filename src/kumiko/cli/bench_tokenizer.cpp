#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "kumiko/base/file.h"
#include "kumiko/cli/bench.h"
#include "kumiko/tokenizer/tokenizer_bench.h"

namespace kumiko {
namespace {

struct TokenizerBench {
  std::string tokenizer = "tokenizer.json";
  std::string input;
  int64_t repetitions = 5;
  bool json = false;
};

}  // namespace

void add_bench_tokenizer(CLI::App& bench) {
  auto options = std::make_shared<TokenizerBench>();
  CLI::App* command = bench.add_subcommand("tokenizer", "Speed of encoding on one thread, line by line");
  command->add_option("--tokenizer", options->tokenizer, "Tokenizer, as for kumiko tokenizer")->capture_default_str();
  command->add_option("--input", options->input, "Text file")->required();
  command->add_option("--repetitions", options->repetitions, "How often the text is encoded")->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options] {
    const Tokenizer tokenizer = load_tokenizer(options->tokenizer);
    const auto result = bench_encode(tokenizer, read_text_file(options->input), options->repetitions);
    fmt::print("{}\n", bench_report(result, options->json));
  });
}

}  // namespace kumiko
