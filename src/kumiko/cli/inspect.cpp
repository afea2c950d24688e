#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <array>
#include <filesystem>
#include <memory>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/checkpoint/describe.h"
#include "kumiko/cli/inspect_mesh.h"
#include "kumiko/cli/subcommands.h"
#include "kumiko/data/dataset_summary.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/tokenizer/tokenizer_inspect.h"
#include "kumiko/train/describe_run.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

// One kind of thing that can be inspected. The first that recognises a path describes it.
struct Inspector {
  const char* kind;
  bool (*recognises)(const fs::path&);
  std::string (*describe)(const fs::path&, const DescribeOptions&);
};

// The prefix of PREFIX.bin and PREFIX.idx, or one of these.
fs::path dataset_prefix(const fs::path& path) {
  return path.extension() == ".idx" || path.extension() == ".bin" ? fs::path(path).replace_extension() : path;
}

bool is_dataset(const fs::path& path) { return fs::exists(index_path(dataset_prefix(path).string())); }

std::string describe_dataset(const fs::path& path, const DescribeOptions& options) {
  constexpr int64_t num_first_tokens = 16;
  const DatasetSummary summary = summarize(IndexedDataset(dataset_prefix(path).string()), num_first_tokens);
  return options.json ? to_json(summary, {}) + "\n" : to_text(summary, {});
}

std::string describe_tokenizer_at(const fs::path& path, const DescribeOptions&) {
  return describe_tokenizer(load_tokenizer(path));
}

constexpr std::array inspectors = {
    Inspector{"a checkpoint or a directory of checkpoints", is_checkpoint, describe_checkpoint},
    Inspector{"a .safetensors file", [](const fs::path& path) { return path.extension() == ".safetensors"; },
              describe_safetensors},
    Inspector{"the prefix of a dataset", is_dataset, describe_dataset},
    Inspector{"a tokenizer.json, a SentencePiece .model, or a folder that holds one", names_tokenizer,
              describe_tokenizer_at},
};

void inspect(const fs::path& path, const DescribeOptions& options) {
  std::string kinds;
  for (const Inspector& inspector : inspectors) {
    if (inspector.recognises(path)) {
      fmt::print("{}", printable(inspector.describe(path, options)));
      return;
    }
    kinds += (kinds.empty() ? "" : ", ") + std::string(inspector.kind);
  }
  if (!fs::exists(path)) throw_user("{} does not exist", path.string());
  throw_user("{} is nothing that kumiko can inspect; expected {}", path.string(), kinds);
}

}  // namespace

void add_inspect_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("inspect", "Show what a file or a directory of kumiko's holds, or the mesh of a job");
  const auto path = std::make_shared<std::string>();
  const auto options = std::make_shared<DescribeOptions>();
  options->describe_state = describe_run;
  command->add_option(
      "path", *path,
      "A checkpoint, a directory of checkpoints, a .safetensors file, the prefix of a dataset, or a tokenizer; "
      "a file called mesh as ./mesh");
  command->add_flag("--json", options->json, "As JSON");
  command->add_flag("--tensors", options->tensors,
                    "List the tensors of a checkpoint too: shape, type, size, and where they are stored");
  command->add_flag("--verify", options->verify, "Read every byte of a checkpoint and check it first");
  add_inspect_mesh_command(*command);
  command->callback([command, path, options] {
    if (!command->get_subcommands().empty()) return;
    if (path->empty()) throw CLI::RequiredError("path");
    inspect(*path, *options);
  });
}

}  // namespace kumiko
