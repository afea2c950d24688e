#include "kumiko/tokenizer/tokenizer.h"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

#include "kumiko/base/clock.h"
#include "kumiko/base/file.h"
#include "kumiko/base/log.h"
#include "kumiko/base/text.h"
#include "kumiko/cli/subcommands.h"
#include "kumiko/cli/text_input_flags.h"
#include "kumiko/cli/tokenizer_help.h"
#include "kumiko/text/text_corpus.h"
#include "kumiko/tokenizer/bpe_train.h"
#include "kumiko/tokenizer/tokenizer_inspect.h"

namespace kumiko {
namespace {

std::string read_standard_input() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

// The texts that a command works on: the argument, else the files, else standard input.
struct TextArguments {
  std::string argument;
  std::vector<std::string> files;

  void add_to(CLI::App& command, const std::string& argument_name, const std::string& what) {
    CLI::Option* positional = command.add_option(argument_name, argument, what);
    command.add_option("--input", files, "Files to read it from (default: standard input)")->excludes(positional);
  }
  std::vector<std::string> read(const CLI::App& command, const std::string& argument_name) const {
    if (command.count(argument_name) > 0) return {argument};
    if (files.empty()) return {read_standard_input()};
    std::vector<std::string> texts;
    for (const std::string& file : files) texts.push_back(read_text_file(file));
    return texts;
  }
};

// One line that moves on a terminal; elsewhere one line every ten seconds.
class ProgressLine {
 public:
  void show(const BpeTrainProgress& progress) {
    const double now = seconds_now();
    const bool new_phase = progress.phase != phase_;
    if (new_phase) started_ = shown_ = now;
    phase_ = progress.phase;
    const bool finished = progress.total > 0 && progress.done >= progress.total;
    if (!finished && now - shown_ < (is_terminal_ ? 0.1 : 10.0)) return;
    shown_ = now;
    const double share = static_cast<double>(progress.done) / static_cast<double>(std::max<int64_t>(1, progress.total));
    const bool is_bytes = phase_ == "reading";
    const auto amount = [&](int64_t value) {
      return is_bytes ? human_bytes(static_cast<double>(value)) : with_thousands(value);
    };
    const double elapsed = now - started_;
    const std::string left = finished || elapsed < 1 ? "" : "  " + human_seconds(elapsed * (1 / share - 1)) + " left";
    const std::string line =
        progress.total == 0 ? fmt::format("{:<8} {}", phase_, amount(progress.done))
                            : fmt::format("{:<8} {:5.1f} %  {} of {}{}{}", phase_, 100 * share, amount(progress.done),
                                          amount(progress.total), is_bytes ? "" : " tokens", left);
    if (is_terminal_) {
      fmt::print(stderr, "\r\033[K{}{}", line, finished ? "\n" : "");
      std::fflush(stderr);
    } else {
      log::info("{}", line);
    }
  }

 private:
  bool is_terminal_ = isatty(STDERR_FILENO) == 1;
  std::string phase_;
  double started_ = 0;
  double shown_ = 0;
};

void add_train(CLI::App& parent) {
  auto options = std::make_shared<BpeTrainOptions>();
  auto output = std::make_shared<std::string>("tokenizer.json");
  auto input = std::make_shared<TextInput>();
  auto no_special = std::make_shared<bool>(false);
  CLI::App* command = parent.add_subcommand("train", "Train a byte-level BPE tokenizer on text or JSON files");
  add_text_input_flags(*command, *input);
  command->add_option("--vocab-size", options->vocab_size, "Tokens in all, special ones and the 256 bytes included")
      ->capture_default_str();
  command->add_option("--output", *output, "The tokenizer.json to write")->capture_default_str();
  command->add_option("--min-frequency", options->min_frequency, "Pairs that are rarer are not merged")
      ->capture_default_str();
  CLI::Option* special =
      command->add_option("--special", options->special_tokens, "Special tokens, ids from 0 in this order")
          ->capture_default_str();
  command->add_flag("--no-special", *no_special, "No special tokens")->excludes(special);
  command->add_option("--threads", options->threads, "Threads; 0 for all cores")->capture_default_str();
  command->callback([=] {
    if (*no_special) options->special_tokens.clear();
    options->validate();
    const TextCorpus texts = make_text_corpus(*input);
    ProgressLine line;
    const double start = seconds_now();
    const BpeTrainResult result = train_bpe_to_file(*options, texts.corpus, *output,
                                                    [&](const BpeTrainProgress& progress) { line.show(progress); });
    texts.report->finish();
    const auto size = static_cast<int64_t>(result.vocabulary.tokens.size());
    log::info("wrote {}: {} tokens, {} merges, from {} of text with {} distinct words, in {}", *output,
              with_thousands(size), with_thousands(static_cast<int64_t>(result.vocabulary.merges.size())),
              human_bytes(static_cast<double>(result.corpus_bytes)), with_thousands(result.distinct_words),
              human_seconds(seconds_now() - start));
    if (size < options->vocab_size) {
      log::warning("the text has no more pairs that occur {} times: {} tokens instead of {}", options->min_frequency,
                   with_thousands(size), with_thousands(options->vocab_size));
    }
  });
}

struct CodingOptions {
  std::string tokenizer = "tokenizer.json";
  TextArguments source;
  bool json = false;
};

void add_encode(CLI::App& parent) {
  auto options = std::make_shared<CodingOptions>();
  CLI::App* command = parent.add_subcommand("encode", "Text to token ids, a line for each text");
  command->add_option("--tokenizer", options->tokenizer, tokenizer_help)->capture_default_str();
  options->source.add_to(*command, "text", "The text");
  command->add_flag("--json", options->json, "Print each line as a JSON list");
  command->callback([=] {
    const Tokenizer tokenizer = load_tokenizer(options->tokenizer);
    for (const std::string& text : options->source.read(*command, "text")) {
      fmt::print("{}\n", format_ids(tokenizer.encode(text), options->json));
    }
  });
}

void add_decode(CLI::App& parent) {
  auto options = std::make_shared<CodingOptions>();
  CLI::App* command = parent.add_subcommand("decode", "Token ids to text: exactly its bytes, with no line feed added");
  command->add_option("--tokenizer", options->tokenizer, tokenizer_help)->capture_default_str();
  options->source.add_to(*command, "ids", "The ids, in quotes: \"15496 995\" or \"[15496, 995]\"");
  command->callback([=] {
    const Tokenizer tokenizer = load_tokenizer(options->tokenizer);
    for (const std::string& text : options->source.read(*command, "ids")) {
      const std::string decoded = tokenizer.decode(parse_ids(text));
      std::fwrite(decoded.data(), 1, decoded.size(), stdout);
    }
  });
}

void add_inspect_tokenizer(CLI::App& parent) {
  auto source = std::make_shared<std::string>("tokenizer.json");
  CLI::App* command = parent.add_subcommand("inspect", "What a tokenizer holds");
  command->add_option("tokenizer,--tokenizer", *source, tokenizer_help)->capture_default_str();
  command->callback([=] { fmt::print("{}", describe_tokenizer(load_tokenizer(*source))); });
}

}  // namespace

void add_tokenizer_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("tokenizer", "Train a tokenizer, encode, decode, inspect");
  command->require_subcommand(1);
  add_train(*command);
  add_encode(*command);
  add_decode(*command);
  add_inspect_tokenizer(*command);
}

}  // namespace kumiko
