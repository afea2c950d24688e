#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <map>
#include <memory>
#include <optional>

#include "kumiko/base/log.h"
#include "kumiko/base/text.h"
#include "kumiko/cli/choice.h"
#include "kumiko/cli/subcommands.h"
#include "kumiko/cli/text_input_flags.h"
#include "kumiko/cli/tokenizer_help.h"
#include "kumiko/data/dataset_builder.h"
#include "kumiko/data/dataset_merge.h"
#include "kumiko/data/dataset_summary.h"
#include "kumiko/data/progress.h"
#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {
namespace {

// Set by SIGINT and SIGTERM while a dataset is written, so that the temporary files can be removed first.
volatile std::sig_atomic_t interrupted = 0;

void interrupt_cleanly() {
  const auto handler = [](int signal) {
    interrupted = 1;
    std::signal(signal, SIG_DFL);  // a second one ends the process at once
  };
  std::signal(SIGINT, handler);
  std::signal(SIGTERM, handler);
}

void print_build_report(const DatasetBuildOptions& options, const DatasetBuildReport& report, bool as_json) {
  if (as_json) {
    fmt::print(
        "{{\"output\":{},\"documents\":{},\"tokens\":{},\"bytes\":{},\"token_type\":\"{}\",\"seconds\":{:.3f}}}\n",
        json_string(options.output), report.num_documents, report.num_tokens, report.num_bytes,
        token_type_name(report.token_type), report.seconds);
    return;
  }
  const auto bytes = static_cast<double>(report.num_bytes);
  fmt::print("wrote {0}.bin and {0}.idx: {1} documents, {2} tokens ({3}), from {4} of text in {5}, {6}/s\n",
             options.output, with_thousands(report.num_documents), with_thousands(report.num_tokens),
             token_type_name(report.token_type), human_bytes(bytes), human_seconds(report.seconds),
             human_bytes(bytes / report.seconds));
}

void add_build(CLI::App& parent) {
  struct Arguments {
    DatasetBuildOptions options;
    std::string tokenizer;
    std::string end_of_document;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  DatasetBuildOptions& options = arguments->options;
  CLI::App* command = parent.add_subcommand("build", "Tokenize text into a dataset (PREFIX.bin and PREFIX.idx)");
  add_text_input_flags(*command, options.input);
  command->add_option("--output", options.output, "PREFIX of the two files to write")->required();
  command->add_option("--tokenizer", arguments->tokenizer, tokenizer_help)->required();
  const std::map<std::string, DocumentEnd> ends = {
      {"file", DocumentEnd::file}, {"blank-line", DocumentEnd::blank_line}, {"line", DocumentEnd::line}};
  command->add_option("--split-on", options.input.split_on, "What ends a text document: file, blank-line or line")
      ->transform(choice(ends))
      ->default_str("file");
  command->add_flag("--append-eod", options.append_eod, "End each document with the end-of-document token");
  command->add_option("--end-of-document", arguments->end_of_document, "That token, instead of the tokenizer's own");
  command->add_option("--threads", options.threads, "Threads; 0 for all cores")->capture_default_str();
  command->add_flag("--json", arguments->json, "Print the result as one line of JSON");
  command->callback([arguments] {
    arguments->options.validate();
    Tokenizer tokenizer = load_tokenizer(arguments->tokenizer);
    if (!arguments->end_of_document.empty()) tokenizer.set_end_of_document(arguments->end_of_document);
    const DatasetEncoder encoder = make_dataset_encoder(tokenizer);
    interrupt_cleanly();
    std::optional<Progress> progress;
    DatasetBuildHooks hooks;
    hooks.cancelled = [] { return interrupted != 0; };
    hooks.on_progress = [&](int64_t done, int64_t total) {
      if (!progress) progress.emplace("building " + arguments->options.output, total);
      progress->update(done);
    };
    const DatasetBuildReport report = build_dataset(arguments->options, encoder, hooks);
    progress.reset();
    print_build_report(arguments->options, report, arguments->json);
  });
}

void add_inspect_dataset(CLI::App& parent) {
  struct Arguments {
    std::string prefix;
    std::string tokenizer;
    int64_t tokens = 16;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = parent.add_subcommand("inspect", "Check a dataset and show what it holds");
  command->add_option("prefix", arguments->prefix, "PREFIX of PREFIX.bin and PREFIX.idx")->required();
  command->add_option("--tokenizer", arguments->tokenizer, "To show text: " + std::string(tokenizer_help));
  command->add_option("--tokens", arguments->tokens, "How many of the first tokens to show")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000));
  command->add_flag("--json", arguments->json, "Print one line of JSON");
  command->callback([arguments] {
    Decode decode;
    if (!arguments->tokenizer.empty()) {
      decode = [tokenizer = load_tokenizer(arguments->tokenizer)](std::span<const int32_t> tokens) {
        return tokenizer.decode(tokens);
      };
    }
    const DatasetSummary summary = summarize(IndexedDataset(arguments->prefix), arguments->tokens);
    fmt::print("{}", arguments->json ? to_json(summary, decode) + "\n" : to_text(summary, decode));
  });
}

void add_merge(CLI::App& parent) {
  struct Arguments {
    std::vector<std::string> inputs;
    std::string output;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = parent.add_subcommand("merge", "Join datasets of one token type into one, in the order given");
  command->add_option("--input", arguments->inputs, "PREFIXes of the datasets")->required();
  command->add_option("--output", arguments->output, "PREFIX of the dataset to write")->required();
  command->add_flag("--json", arguments->json, "Print the result as one line of JSON");
  command->callback([arguments] {
    interrupt_cleanly();
    const DatasetMergeReport report =
        merge_datasets(arguments->inputs, arguments->output, [] { return interrupted != 0; });
    if (arguments->json) {
      fmt::print("{{\"output\":{},\"documents\":{},\"tokens\":{}}}\n", json_string(arguments->output),
                 report.num_documents, report.num_tokens);
    } else {
      fmt::print("wrote {0}.bin and {0}.idx: {1} documents, {2} tokens, from {3} datasets\n", arguments->output,
                 with_thousands(report.num_documents), with_thousands(report.num_tokens), arguments->inputs.size());
    }
  });
}

}  // namespace

void add_data_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("data", "Build, inspect and merge training datasets");
  command->require_subcommand(1);
  add_build(*command);
  add_inspect_dataset(*command);
  add_merge(*command);
}

}  // namespace kumiko
