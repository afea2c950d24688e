#include "kumiko/convert/reshard.h"

#include <algorithm>
#include <set>
#include <vector>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"
#include "kumiko/checkpoint/contents.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/checkpoint/reader.h"
#include "kumiko/checkpoint/writer.h"
#include "kumiko/convert/new_directory.h"
#include "kumiko/model/model.h"
#include "kumiko/parallel/sharding.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/train/kept_tokenizer.h"
#include "kumiko/train/layout_holdings.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

Config config_of(const CheckpointReader& reader) {
  const std::string origin = reader.path().string();
  return config_of(run_record_from_json(reader.manifest().state, origin), reader.manifest(), origin);
}

// "first_moment" of "optimizer.first_moment.wte.weight".
std::vector<std::string> optimizer_states_of(const Manifest& manifest) {
  std::set<std::string> states;
  for (const auto& [name, tensor] : manifest.tensors) {
    if (tensor.role != TensorRole::optimizer) continue;
    const size_t begin = name.find('.') + 1;
    states.insert(name.substr(begin, name.find('.', begin) - begin));
  }
  return {states.begin(), states.end()};
}

// The ranks' pieces and the checkpoint's tensors must be the same.
void check_holdings(const Holdings& holdings, const CheckpointReader& reader) {
  std::vector<ExpectedTensor> expected;
  std::set<std::string_view> names;
  for (const auto& list : holdings.lists) {
    for (const PieceInfo& piece : list) {
      if (names.insert(piece.name).second) expected.push_back({piece.name, piece.global_shape, piece.dtype});
    }
  }
  check_contents(reader.manifest(), expected, reader.path().string());
  for (const auto& [name, tensor] : reader.manifest().tensors) {
    if (names.contains(name)) continue;
    throw_user("{} holds the tensor '{}', which the model in its record does not have: it is of another program",
               reader.path().string(), name);
  }
}

// What one rank writes, in the order of a data file: larger elements first, so that every tensor is aligned.
std::vector<PieceInfo> chunks_of_rank(const Holdings& holdings, const WritePlan& plan, size_t rank) {
  const std::vector<PieceInfo>& list = holdings.lists[holdings.list_of_rank[rank]];
  std::vector<PieceInfo> chunks;
  for (const PlannedWrite& write : plan.writes[rank]) {
    chunks.push_back(list[write.piece]);
    chunks.back().box = write.box;
  }
  std::stable_sort(chunks.begin(), chunks.end(),
                   [](const PieceInfo& a, const PieceInfo& b) { return size_of(a.dtype) > size_of(b.dtype); });
  return chunks;
}

void write_checkpoint(CheckpointReader& reader, const fs::path& root, const Holdings& holdings, const WritePlan& plan) {
  const int64_t step = reader.step();
  begin_checkpoint(root, step);
  Manifest manifest;
  manifest.kumiko_version = kumiko_version();
  manifest.step = step;
  manifest.state = reader.manifest().state;
  std::vector<std::byte> elements;
  const size_t num_ranks = holdings.list_of_rank.size();
  for (size_t rank = 0; rank < num_ranks; ++rank) {
    const std::vector<PieceInfo> chunks = chunks_of_rank(holdings, plan, rank);
    const auto elements_of = [&](size_t index) {
      const PieceInfo& chunk = chunks[index];
      elements.resize(static_cast<size_t>(chunk.box.num_elements()) * size_of(chunk.dtype));
      const std::shared_ptr<void> borrowed(std::shared_ptr<void>(), elements.data());
      reader.load(chunk.name, chunk.box, Tensor(borrowed, chunk.box.size, chunk.dtype));
      return std::span<const std::byte>(elements);
    };
    merge(manifest, write_data_file(temporary_directory(root, step), chunks, elements_of, static_cast<int>(rank),
                                    static_cast<int>(num_ranks)));
  }
  check_complete(manifest);
  commit_checkpoint(root, manifest);
}

// What stands beside the checkpoint and goes with it.
void keep_neighbours(const fs::path& checkpoint, const fs::path& root) {
  const fs::path kept = kept_directory(checkpoint);
  if (!kept.empty()) keep_tokenizer(kept.string(), root);
  keep_companions(checkpoint.parent_path(), root);
  if (const fs::path section = checkpoint.parent_path() / "model.toml"; fs::exists(section)) {
    fs::copy_file(section, root / "model.toml");
  }
}

}  // namespace

ConversionReport reshard(const ReshardOptions& options) {
  const double start = seconds_now();
  ParallelOptions parallel;
  parallel.tensor_model_parallel_size = options.tensor_model_parallel_size;
  parallel.pipeline = options.pipeline;
  parallel.data_parallel_size = options.data_parallel_size;
  parallel.zero_stage = options.zero_stage;
  parallel.zero_group_size = options.zero_group_size;
  parallel.rank_order = options.rank_order;
  parallel.validate();
  check_sharding(options.zero_stage, options.zero_group_size, options.data_parallel_size);
  NewDirectory directory(options.save);
  CheckpointReader reader = CheckpointReader::open(options.load);
  ConversionReport report;
  const Config config = config_of(reader);
  report.model = config.model;
  check_tensor_parallel(report.model, options.tensor_model_parallel_size);
  LayoutShape layout{Mesh({options.data_parallel_size, options.pipeline.size, 1, options.tensor_model_parallel_size},
                          parse_rank_order(options.rank_order)),
                     options.zero_stage, options.zero_group_size};
  if (options.pipeline.size > 1) {
    const ScheduleGenerator& generator = find_schedule(options.pipeline.schedule);
    if (generator.make == make_searched) {
      throw_user(
          "pipeline-schedule = searched: which rank holds what is known in a run alone; leave it out, as a run loads "
          "any "
          "layout");
    }
    // Which rank holds what does not depend on how many micro-batches there are.
    const bool of_one = generator.make == make_pipedream || generator.make == make_pipedream_vertical_sync;
    layout.pipeline =
        plan_pipeline(report.model, config.train.seq_length, options.pipeline, of_one ? 1 : 2 * options.pipeline.size);
  }
  const Holdings holdings = layout_holdings(report.model, optimizer_states_of(reader.manifest()), layout);
  check_holdings(holdings, reader);
  const WritePlan plan = plan_writes(holdings, options.plan);
  directory.create();
  keep_neighbours(reader.path(), options.save);
  write_checkpoint(reader, options.save, holdings, plan);
  directory.keep();
  report.path = options.save / checkpoint_name(reader.step());
  for (const size_t bytes : plan.bytes) report.bytes += bytes;
  report.num_tensors = static_cast<int64_t>(reader.manifest().tensors.size());
  report.seconds = seconds_now() - start;
  return report;
}

}  // namespace kumiko
