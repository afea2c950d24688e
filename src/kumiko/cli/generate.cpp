#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/log.h"
#include "kumiko/base/text.h"
#include "kumiko/cli/subcommands.h"
#include "kumiko/generate/generator.h"

namespace kumiko {
namespace {

struct GenerateArguments {
  std::string load;
  std::string tokenizer;
  std::string end_of_document;
  std::string prompt;
  std::string prompts_file;
  bool interactive = false;
  bool quiet = false;
  bool no_bos = false;
  int num_threads = 0;
  SamplingOptions sampling;
};

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void answer(Generator& generator, const GenerateArguments& arguments, const std::string& prompt, uint64_t stream) {
  print(prompt);
  const double begin = seconds_now();
  const int64_t made = generator.generate(prompt, arguments.sampling, stream, print);
  print("\n");
  if (arguments.quiet) return;
  const double seconds = seconds_now() - begin;
  log::info("{} tokens in {}, {:.1f} tokens/s", made, human_seconds(seconds), static_cast<double>(made) / seconds);
}

void converse(Generator& generator, const GenerateArguments& arguments) {
  log::info("type the beginning of a text and press return; end with Ctrl-D");
  std::string line;
  for (uint64_t stream = 0; print("> "), std::getline(std::cin, line); ++stream) {
    answer(generator, arguments, line, stream);
  }
  print("\n");
}

void generate(const GenerateArguments& arguments) {
  arguments.sampling.validate();
  Generator generator(arguments.load, arguments.tokenizer, arguments.num_threads);
  if (!arguments.end_of_document.empty()) generator.set_end_of_document(arguments.end_of_document);
  if (arguments.no_bos) generator.leave_out_begin_of_text();
  if (!arguments.quiet) log::info("{}", generator.description());
  if (arguments.interactive) return converse(generator, arguments);
  if (arguments.prompts_file.empty()) return answer(generator, arguments, arguments.prompt, 0);
  uint64_t stream = 0;
  for (const std::string& prompt : split(read_text_file(arguments.prompts_file), '\n')) {
    if (trim(prompt).empty()) continue;
    answer(generator, arguments, prompt, stream++);
  }
}

}  // namespace

void add_generate_command(CLI::App& app) {
  const auto arguments = std::make_shared<GenerateArguments>();
  CLI::App* command = app.add_subcommand("generate", "Continue a text with a trained model");
  command->add_option("--load", arguments->load, "Checkpoint, or directory of checkpoints (the latest is taken)")
      ->required();
  auto* prompt = command->add_option("--prompt", arguments->prompt, "The beginning of the text");
  auto* file = command->add_option("--prompts-file", arguments->prompts_file, "A file with one prompt a line");
  auto* interactive = command->add_flag("--interactive", arguments->interactive, "Ask for prompts");
  prompt->excludes(file)->excludes(interactive);
  file->excludes(interactive);
  command->add_option("--tokenizer", arguments->tokenizer, "Instead of the one kept with the checkpoint");
  command->add_option("--end-of-document", arguments->end_of_document,
                      "Stop at this token, instead of the tokenizer's own");
  command->add_flag("--no-bos", arguments->no_bos,
                    "Don't begin the prompt with the token that the tokenizer puts in front of texts");
  SamplingOptions& sampling = arguments->sampling;
  command->add_option("--max-new-tokens", sampling.max_new_tokens, "Tokens to make at most")->capture_default_str();
  command->add_option("--temperature", sampling.temperature, "Divides the logits; 0 takes the likeliest token")
      ->capture_default_str();
  command->add_option("--top-k", sampling.top_k, "Sample among the k likeliest; 0 for all")->capture_default_str();
  command->add_option("--top-p", sampling.top_p, "Sample among the fewest with this total probability")
      ->capture_default_str();
  command->add_option("--seed", sampling.seed, "Of the random choices")->capture_default_str();
  command->add_option("--num-threads", arguments->num_threads, "0 for all cores")->capture_default_str();
  command->add_flag("--quiet", arguments->quiet, "Only the text");
  command->callback([arguments] { generate(*arguments); });
}

}  // namespace kumiko
