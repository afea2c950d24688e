// Reading and resharding a checkpoint takes the memory of a chunk, not of the model or of its largest tensor.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "checkpoint/directories.h"
#include "kumiko/base/error.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/checkpoint/reader.h"
#include "kumiko/checkpoint/writer.h"
#include "kumiko/convert/reshard.h"
#include "kumiko/train/layout_holdings.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {
namespace {

constexpr PlanOptions plan = {size_t{1} << 20, size_t{1} << 19};

// 64 MiB, most of it in one tensor.
ModelOptions one_large_tensor() {
  ModelOptions options;
  options.num_layers = 1;
  options.hidden_size = 128;
  options.num_attention_heads = 4;
  options.vocab_size = 140'000;
  options.max_position_embeddings = 8;
  options.fill_in_sizes();
  return options;
}

// Saved as two ranks would, of elements made chunk by chunk.
void write_large_checkpoint(const std::filesystem::path& root, const ModelOptions& model) {
  const Holdings holdings = layout_holdings(model, {}, {Mesh({1, 1, 1, 2})});
  const WritePlan writes = plan_writes(holdings, plan);
  begin_checkpoint(root, 0);
  Manifest manifest;
  manifest.kumiko_version = kumiko_version();
  Config config;
  config.model = model;
  RunRecord record;
  record.config = config.to_toml();
  manifest.state = to_json(record);
  std::vector<float> elements;
  for (size_t rank = 0; rank < 2; ++rank) {
    std::vector<PieceInfo> chunks;
    for (const PlannedWrite& write : writes.writes[rank]) {
      chunks.push_back(holdings.lists[rank][write.piece]);
      chunks.back().box = write.box;
    }
    merge(manifest, write_data_file(
                        temporary_directory(root, 0), chunks,
                        [&](size_t i) {
                          elements.assign(static_cast<size_t>(chunks[i].box.num_elements()), static_cast<float>(i));
                          return std::as_bytes(std::span<const float>(elements));
                        },
                        static_cast<int>(rank), 2));
  }
  commit_checkpoint(root, manifest);
}

int64_t peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// By how much the resident set of a fresh process grows that does this; -1 if it fails.
int64_t growth_kilobytes(const TestDirectory& directory, const std::function<void()>& action) {
  const auto result = directory / "growth";
  const pid_t child = ::fork();
  if (child == 0) {
    const int64_t before = peak_kilobytes();
    try {
      action();
    } catch (...) {
      ::_exit(1);
    }
    std::ofstream(result) << peak_kilobytes() - before;
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  int64_t growth = -1;
  if (status == 0) std::ifstream(result) >> growth;
  return growth;
}

constexpr int64_t checkpoint_kilobytes = 60 << 10;
constexpr int64_t limit_kilobytes = 12 << 10;

TEST(PeakMemory, OfReadingAndReshardingIsThatOfChunks) {
  const TestDirectory directory("peak_memory");
  const auto root = directory / "run";
  write_large_checkpoint(root, one_large_tensor());
  int64_t stored = 0;
  const Manifest manifest = CheckpointReader::open(root).manifest();
  for (const FileRecord& file : manifest.files) {
    stored += static_cast<int64_t>(file.size);
  }
  ASSERT_GT(stored >> 10, checkpoint_kilobytes);
  const auto grown = [&](const std::function<void()>& action) {
    const int64_t growth = growth_kilobytes(directory, action);
    EXPECT_GE(growth, 0) << "failed";
    return growth;
  };
  EXPECT_LT(grown([&] { CheckpointReader::open(root).verify(); }), limit_kilobytes);
  EXPECT_LT(grown([&] {
              CheckpointReader reader = CheckpointReader::open(root);
              std::vector<float> row(128);
              const std::shared_ptr<void> borrowed(std::shared_ptr<void>(), row.data());
              for (int64_t i = 0; i < 140'000; i += 50) {
                reader.load("embedding.token", {{i, 0}, {1, 128}}, Tensor(borrowed, {1, 128}, DType::f32));
              }
            }),
            limit_kilobytes);
  for (const int64_t tensor : {1, 4}) {
    ReshardOptions options;
    options.load = root;
    options.save = directory / "resharded";
    options.tensor_model_parallel_size = tensor;
    options.plan = plan;
    EXPECT_LT(grown([&] { reshard(options); }), limit_kilobytes) << tensor;
    CheckpointReader::open(options.save).verify();
    std::filesystem::remove_all(options.save);
  }
  // The measure sees what is held.
  EXPECT_GT(grown([&] {
              const std::vector<char> held(static_cast<size_t>(stored), 'x');
              if (held[held.size() / 2] != 'x') throw_internal("not held");
            }),
            checkpoint_kilobytes);
}

}  // namespace
}  // namespace kumiko
