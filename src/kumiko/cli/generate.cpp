#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <memory>
#include <numeric>
#include <string>

#include "kumiko/base/file.h"
#include "kumiko/base/log.h"
#include "kumiko/base/text.h"
#include "kumiko/checkpoint/exchange.h"
#include "kumiko/cli/option_flags.h"
#include "kumiko/cli/same_command.h"
#include "kumiko/cli/subcommands.h"
#include "kumiko/comm/run.h"
#include "kumiko/generate/answers.h"
#include "kumiko/generate/prompts.h"
#include "kumiko/text/text_reader.h"

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
  ParallelOptions parallel;
  SamplingOptions sampling;
};

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

AnswerView view_of(bool quiet, int64_t context) {
  const auto end = [quiet, context](const Answered& answered) {
    const auto& [counts, seconds] = answered;
    print("\n");
    if (counts.left_out > 0) {
      log::warning("the prompt has {} tokens, and the context of the model {}: its first {} were left out",
                   counts.prompt_tokens, context, counts.left_out);
    }
    if (quiet) return;
    log::info("{} tokens in {}, {:.1f} tokens/s", counts.num_tokens, human_seconds(seconds),
              static_cast<double>(counts.num_tokens) / seconds);
  };
  return {print, end};
}

// Rank 0 has the terminal.
void converse(Answers& answers, Communicator& all) {
  const bool asks = all.rank() == 0;
  if (asks) log::info("type the beginning of a text and press return; end with Ctrl-D");
  while (true) {
    std::string line;  // with its line break; empty at the end
    if (asks) print("> ");
    if (asks && std::getline(std::cin, line)) {
      if (line.ends_with('\r')) line.pop_back();
      line += '\n';
    }
    line = broadcast_text(all, line, 0);
    if (line.empty()) break;
    line.pop_back();
    answers.answer({line});
  }
  if (asks) print("\n");
}

// A file is read by rank 0 alone: it may be a pipe.
std::vector<std::string> prompts_of(const GenerateArguments& arguments, Communicator& all) {
  if (arguments.prompts_file.empty()) return {arguments.prompt};
  const std::string text =
      broadcast_text(all, all.rank() == 0 ? read_whole_text(arguments.prompts_file) : std::string(), 0);
  PromptLines lines = prompt_lines(text, arguments.prompts_file);
  if (all.rank() == 0 && lines.num_blank > 0 && !arguments.quiet) {
    log::info("{}: {} blank line{} passed over", arguments.prompts_file, lines.num_blank,
              lines.num_blank == 1 ? "" : "s");
  }
  return std::move(lines.prompts);
}

void warn_of_idle(const Mesh& mesh, size_t num_prompts) {
  const int64_t idle = mesh.size(Axis::data) - static_cast<int64_t>(num_prompts);
  if (idle <= 0) return;
  log::warning(
      "{} of the {} replicas of the model have nothing to do, as there {} at a time; with "
      "--tensor-model-parallel-size or --pipeline-model-parallel-size their ranks can work together",
      idle, mesh.size(Axis::data), num_prompts == 1 ? "is one prompt" : fmt::format("are {} prompts", num_prompts));
}

void generate(const GenerateArguments& arguments, World& world) {
  arguments.sampling.validate();
  arguments.parallel.validate();
  std::vector<int64_t> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  const auto all = world.communicator(Axis::all, ranks);
  // Before the model, which may take long to load.
  std::vector<std::string> prompts;
  if (!arguments.interactive) prompts = prompts_of(arguments, *all);
  Generator generator(arguments.load, arguments.tokenizer, arguments.parallel, world);
  if (!arguments.end_of_document.empty()) generator.set_end_of_document(arguments.end_of_document);
  if (arguments.no_bos) generator.leave_out_begin_of_text();
  const bool tells = world.rank() == 0 && !arguments.quiet;
  if (tells) log::info("{}", generator.description());
  Answers answers(generator, world, arguments.sampling, view_of(arguments.quiet, generator.context()));
  if (tells) warn_of_idle(generator.mesh(), arguments.interactive ? 1 : prompts.size());
  arguments.interactive ? converse(answers, *all) : answers.answer(prompts);
}

// The options of a run that generating has too.
void add_parallel_options(CLI::App& command, ParallelOptions& options) {
  constexpr std::array keys = {"tensor_model_parallel_size", "pipeline_model_parallel_size", "rank_order",
                               "num_threads", "bind"};
  const auto table = std::make_shared<OptionTable>();
  options.describe(*table);
  for (const Option& option : table->options()) {
    if (std::find(keys.begin(), keys.end(), option.key) != keys.end()) add_option_flag(command, table, option);
  }
}

}  // namespace

void add_generate_command(CLI::App& app) {
  const auto arguments = std::make_shared<GenerateArguments>();
  CLI::App* command =
      app.add_subcommand("generate", "Continue a text with a trained model; start it with mpiexec -n N for N ranks");
  command->add_option("--load", arguments->load, "Checkpoint, or directory of checkpoints (the latest is taken)")
      ->required();
  auto* prompt = command->add_option("--prompt", arguments->prompt, "The beginning of the text");
  auto* file = command->add_option("--prompts-file", arguments->prompts_file,
                                   "A file with one prompt a line; blank lines don't count");
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
  add_parallel_options(*command, arguments->parallel);
  command->add_flag("--quiet", arguments->quiet, "Only the text");
  command->callback([arguments, command] {
    // Ranks wait for a prompt, or for a long answer, as long as it takes.
    CommunicationOptions communication;
    communication.timeout_minutes = 0;
    const auto body = [&](World& world) {
      check_same_command(*command, world);
      generate(*arguments, world);
      return 0;
    };
    const int code = run_in_world(body, MemoryPool::create(), communication);
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace kumiko
