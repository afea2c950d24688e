#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>

#include "kumiko/base/log.h"
#include "kumiko/base/text.h"
#include "kumiko/cli/choice.h"
#include "kumiko/cli/subcommands.h"
#include "kumiko/convert/gguf_export.h"
#include "kumiko/convert/hf_config.h"
#include "kumiko/convert/hf_export.h"
#include "kumiko/convert/hf_import.h"
#include "kumiko/convert/reshard.h"
#include "kumiko/model/model.h"

namespace kumiko {
namespace {

constexpr const char* load_help = "Checkpoint, or directory of checkpoints (the latest is taken)";

void report(const ConversionReport& done) {
  log::info("{}: {} parameters in {} tensors, {}, in {}", done.path.string(),
            human_count(static_cast<double>(count_parameters(done.model))), done.num_tensors,
            human_bytes(static_cast<double>(done.bytes)), human_seconds(done.seconds));
}

void add_hf_import(CLI::App& parent) {
  const auto options = std::make_shared<HfImportOptions>();
  CLI::App* command = parent.add_subcommand(
      "hf-import", "Make a checkpoint of a Hugging Face model folder (GPT-2, Llama, Mistral, Qwen2)");
  command->add_option("--input", options->input, "Folder with config.json and safetensors files")->required();
  command->add_option("--save", options->save, "Directory of checkpoints to make")->required();
  command->callback([options] {
    report(import_hf(*options));
    log::info("{} holds its [model] section, for training with --checkpoint.load {} --checkpoint.finetune true",
              (options->save / "model.toml").string(), options->save.string());
  });
}

void add_hf_export(CLI::App& parent) {
  struct Arguments {
    HfExportOptions options;
    std::string dtype = "float32";
    std::string max_shard_size = "5GB";
  };
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = parent.add_subcommand("hf-export", "Make a Hugging Face model folder of a checkpoint");
  command->add_option("--load", arguments->options.load, load_help)->required();
  command->add_option("--output", arguments->options.output, "Folder to make")->required();
  command->add_option("--dtype", arguments->dtype, "Of the weights: float32, bfloat16 or float16")
      ->check(CLI::IsMember({"float32", "bfloat16", "float16"}).description(""))
      ->capture_default_str();
  command->add_option("--max-shard-size", arguments->max_shard_size, "Of tensors in one file, as 5GB or 300MB")
      ->capture_default_str();
  command->callback([arguments] {
    HfExportOptions& options = arguments->options;
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
      if (arguments->dtype == hf_name(dtype)) options.dtype = dtype;
    }
    options.max_shard_bytes = parse_file_size(arguments->max_shard_size);
    report(export_hf(options));
  });
}

void add_gguf_export(CLI::App& parent) {
  struct Arguments {
    GgufExportOptions options;
    bool no_tokenizer = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = parent.add_subcommand("gguf-export", "Make a GGUF file, as llama.cpp reads it, of a checkpoint");
  command->add_option("--load", arguments->options.load, load_help)->required();
  command->add_option("--output", arguments->options.output, "File to make")->required();
  const std::map<std::string, GgufType> types = {
      {"F32", GgufType::f32}, {"F16", GgufType::f16}, {"BF16", GgufType::bf16}, {"Q8_0", GgufType::q8_0}};
  command->add_option("--type", arguments->options.type, "Of matrices: F32, F16, BF16 or Q8_0")
      ->transform(choice(types))
      ->default_str("F16");
  command->add_flag("--no-tokenizer", arguments->no_tokenizer, "Leave the tokenizer out");
  command->callback([arguments] {
    arguments->options.tokenizer = !arguments->no_tokenizer;
    report(export_gguf(arguments->options));
  });
}

void add_reshard(CLI::App& parent) {
  const auto options = std::make_shared<ReshardOptions>();
  CLI::App* command =
      parent.add_subcommand("reshard", "Write a checkpoint anew, as the ranks of another layout would have written it");
  command->add_option("--load", options->load, load_help)->required();
  command->add_option("--save", options->save, "Directory of checkpoints to make")->required();
  command->add_option("--tensor-model-parallel-size", options->tensor_model_parallel_size, "Of the layout")
      ->capture_default_str();
  PipelineOptions& pipeline = options->pipeline;
  command->add_option("--pipeline-model-parallel-size", pipeline.size, "Of the layout")->capture_default_str();
  command->add_option("--pipeline-schedule", pipeline.schedule, "As parallel.pipeline_schedule")->capture_default_str();
  command
      ->add_option("--virtual-pipeline-model-parallel-size", pipeline.chunks,
                   "As parallel.virtual_pipeline_model_parallel_size")
      ->capture_default_str();
  command->add_option("--pipeline-pairs", pipeline.pairs, "As parallel.pipeline_pairs")->capture_default_str();
  command->add_option("--data-parallel-size", options->data_parallel_size, "Of the layout")->capture_default_str();
  command
      ->add_option("--zero-stage", options->zero_stage, "What the data-parallel ranks divide, as parallel.zero_stage")
      ->capture_default_str();
  command->add_option("--zero-group-size", options->zero_group_size, "As parallel.zero_group_size")
      ->capture_default_str();
  command->add_option("--rank-order", options->rank_order, "Of the layout, as parallel.rank_order")
      ->capture_default_str();
  command->callback([options] { report(reshard(*options)); });
}

}  // namespace

void add_convert_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("convert", "Bring models in from other formats, take them out, and cut checkpoints anew");
  command->require_subcommand(1);
  add_hf_import(*command);
  add_hf_export(*command);
  add_gguf_export(*command);
  add_reshard(*command);
}

}  // namespace kumiko
