#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <array>
#include <filesystem>
#include <memory>

#include "kumiko/base/error.h"
#include "kumiko/checkpoint/describe.h"
#include "kumiko/cli/subcommands.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

// One kind of thing that can be inspected. The first that recognises a path describes it.
struct Inspector {
  const char* kind;
  bool (*recognises)(const fs::path&);
  std::string (*describe)(const fs::path&, const DescribeOptions&);
};

constexpr std::array inspectors = {
    Inspector{"a checkpoint or a directory of checkpoints", is_checkpoint, describe_checkpoint},
    Inspector{"a .safetensors file", [](const fs::path& path) { return path.extension() == ".safetensors"; },
              describe_safetensors},
};

void inspect(const fs::path& path, const DescribeOptions& options) {
  std::string kinds;
  for (const Inspector& inspector : inspectors) {
    if (inspector.recognises(path)) {
      fmt::print("{}", inspector.describe(path, options));
      return;
    }
    kinds += (kinds.empty() ? "" : ", ") + std::string(inspector.kind);
  }
  if (!fs::exists(path)) throw_user("{} does not exist", path.string());
  throw_user("{} is nothing that kumiko can inspect; expected {}", path.string(), kinds);
}

}  // namespace

void add_inspect_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("inspect", "Show what a file or a directory of kumiko's holds");
  const auto path = std::make_shared<std::string>();
  const auto options = std::make_shared<DescribeOptions>();
  command->add_option("path", *path, "A checkpoint, a directory of checkpoints, or a .safetensors file")->required();
  command->add_flag("--json", options->json, "As JSON");
  command->add_flag("--verify", options->verify, "Read every byte of a checkpoint and check it first");
  command->callback([path, options] { inspect(*path, *options); });
}

}  // namespace kumiko
