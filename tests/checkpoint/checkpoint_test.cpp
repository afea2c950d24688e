#include <gtest/gtest.h>

#include <cstring>

#include "checkpoint/directories.h"
#include "checkpoint/sample.h"
#include "checkpoint/thread_ranks.h"
#include "kumiko/base/file.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/checkpoint/safetensors.h"

namespace kumiko {
namespace {

using sample::Layout;

CheckpointOptions options_for(const TestDirectory& root, int64_t keep_last = 0) {
  CheckpointOptions options;
  options.directory = root.path();
  options.keep_last = keep_last;
  return options;
}

// Any number of ranks and any cut to any other.
TEST(Checkpoint, LoadsInAnyLayout) {
  const TestDirectory root("layouts");
  int64_t step = 0;
  for (const Layout saved : sample::layouts) {
    for (const int num_ranks : {1, 2, 3, 4}) {
      ++step;
      const int seed = static_cast<int>(step);
      sample::save(options_for(root), num_ranks, saved, step, seed);
      CheckpointReader reader = CheckpointReader::open(root.path());
      EXPECT_EQ(reader.step(), step);
      EXPECT_EQ(sample::seed_of(reader.manifest().state), seed);
      reader.verify();
      for (const Layout loaded : sample::layouts) {
        for (const int num_loading : {1, 2, 4, 5}) {
          EXPECT_EQ(sample::difference(reader, loaded, num_loading, seed), "") << step << " " << num_loading;
        }
      }
    }
  }
}

// Chunks smaller than the boxes, down to single elements.
TEST(Checkpoint, LoadsWhatWasCutIntoSmallChunks) {
  const TestDirectory root("chunks");
  CheckpointOptions options = options_for(root);
  for (const size_t limit : {1, 100, 1000}) {
    options.plan.max_chunk_bytes = limit;
    sample::save(options, 2, Layout::mixed, 5, 3);
    CheckpointReader reader = CheckpointReader::open(root.path());
    EXPECT_EQ(sample::difference(reader, Layout::columns, 3, 3), "");
  }
}

// Data-parallel ranks write each tensor once, in files that any safetensors reader opens, with their plain names.
TEST(Checkpoint, WritesReplicatedTensorsOnce) {
  const TestDirectory root("once");
  sample::save(options_for(root), 2, Layout::replicated, 100, 1);
  const auto path = root / "step-0000100";
  std::set<std::string> names;
  for (const int rank : {0, 1}) {
    const SafetensorsFile file(path / data_file_name(rank, 2));
    for (const SafetensorsEntry& entry : file.entries()) EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
  }
  EXPECT_EQ(names.size(), sample::tensors(sample::Size::small).size());
  EXPECT_EQ(read_text_file(root / "latest").substr(0, 13), "step-0000100 ");
}

TEST(Checkpoint, ReportsWhatEachRankWrote) {
  const TestDirectory root("report");
  run_on_ranks(2, [&](Communicator& ranks) {
    CheckpointWriter writer(ranks, options_for(root));
    const auto pieces = sample::pieces(sample::Size::large, Layout::replicated, ranks.rank(), 2, 1);
    for (const int64_t step : {1, 2}) {
      const SaveReport report = writer.save(step, "{}", pieces);
      EXPECT_EQ(report.path, root / checkpoint_name(step));
      EXPECT_GT(report.seconds, 0);
      ASSERT_EQ(report.bytes.size(), 2u);
      size_t total = 0;
      for (const SavedPiece& piece : pieces) total += piece.tensor.num_bytes();
      EXPECT_EQ(report.bytes[0] + report.bytes[1], total);
      EXPECT_LE(
          report.bytes[0] > report.bytes[1] ? report.bytes[0] - report.bytes[1] : report.bytes[1] - report.bytes[0],
          size_t{1} << 20);
    }
  });
}

TEST(Checkpoint, KeepsTheState) {
  const TestDirectory root("state");
  const std::string state = R"({"seed":7,"loss_scale":0.1,"zeta":[1,2.5],"alpha":{"text":"組子 \"x\""}})";
  run_on_ranks(1, [&](Communicator& ranks) {
    CheckpointWriter writer(ranks, options_for(root));
    writer.save(1, state, sample::pieces(sample::Size::small, Layout::rows, 0, 1, 1));
    EXPECT_EQ(
        message_of([&] { writer.save(2, "{", {}); }).substr(0, 100),
        ("checkpoint " + (root / "step-0000002").string() + " is not saved: the state of a checkpoint is not JSON")
            .substr(0, 100));
  });
  EXPECT_EQ(CheckpointReader::open(root.path()).manifest().state, state);
  EXPECT_FALSE(std::filesystem::exists(root / "step-0000002.tmp"));
}

TEST(Checkpoint, KeepsTheLastFew) {
  const TestDirectory root("keep");
  for (const int64_t step : {10, 20, 30}) sample::save(options_for(root), 1, Layout::rows, step, 1);
  // What is no checkpoint stays, whatever its name.
  std::filesystem::create_directory(root / "step-0000005");
  std::filesystem::create_directory(root / "step-7.tmp");
  sample::save(options_for(root, 2), 1, Layout::rows, 40, 1);
  EXPECT_EQ(list_checkpoints(root.path()), (std::vector<int64_t>{30, 40}));
  EXPECT_TRUE(std::filesystem::exists(root / "step-0000005"));
  EXPECT_TRUE(std::filesystem::exists(root / "step-7.tmp"));
  // A run that was rolled back by hand does not remove what it had reached before.
  write_text(root / "latest", "step-0000030\n");
  EXPECT_EQ(CheckpointReader::open(root.path()).step(), 30);
  sample::save(options_for(root, 2), 1, Layout::rows, 35, 1);
  EXPECT_EQ(list_checkpoints(root.path()), (std::vector<int64_t>{30, 35, 40}));
  EXPECT_EQ(CheckpointReader::open(root.path()).step(), 35);
  // Nor does anything remove the one that `latest` names.
  write_text(root / "latest", "step-0000030\n");
  prune_checkpoints(root.path(), 40, 1);
  EXPECT_EQ(list_checkpoints(root.path()), (std::vector<int64_t>{30, 40}));
}

TEST(Checkpoint, ReplacesTheSameStep) {
  const TestDirectory root("replace");
  sample::save(options_for(root), 2, Layout::rows, 10, 1);
  sample::save(options_for(root), 1, Layout::rows, 10, 2);  // the one that latest names
  CheckpointReader reader = CheckpointReader::open(root.path());
  EXPECT_EQ(sample::difference(reader, Layout::rows, 1, 2), "");
  sample::save(options_for(root), 2, Layout::rows, 20, 3);
  write_text(root / "latest", "step-0000010");
  sample::save(options_for(root), 2, Layout::rows, 20, 4);  // one that latest does not name
  CheckpointReader second = CheckpointReader::open(root.path());
  EXPECT_EQ(sample::difference(second, Layout::rows, 1, 4), "");
  EXPECT_EQ(list_checkpoints(root.path()), (std::vector<int64_t>{10, 20}));
  for (const auto& entry : std::filesystem::directory_iterator(root.path())) {
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  }
}

TEST(Checkpoint, RemovesWhatCrashesLeft) {
  const TestDirectory root("stale");
  std::filesystem::create_directory(root / "step-0000003.tmp");
  write_text(root / "step-0000003.tmp" / "rank-00000-of-00001.safetensors", "half");
  std::filesystem::create_directory(root / "step-0000004.replaced.tmp");
  sample::save(options_for(root), 1, Layout::rows, 5, 1);
  EXPECT_FALSE(std::filesystem::exists(root / "step-0000003.tmp"));
  EXPECT_FALSE(std::filesystem::exists(root / "step-0000004.replaced.tmp"));
}

// One rank fails: all get its error, and the earlier checkpoint stays.
TEST(Checkpoint, FailsOnAllRanksWithTheReasonOfOne) {
  const TestDirectory root("failure");
  sample::save(options_for(root), 3, Layout::rows, 10, 1);
  std::vector<std::string> messages(3);
  run_on_ranks(3, [&](Communicator& ranks) {
    CheckpointWriter writer(ranks, options_for(root));
    auto pieces = sample::pieces(sample::Size::small, Layout::rows, ranks.rank(), 3, 2);
    if (ranks.rank() == 1) pieces[0].tensor = pieces[1].tensor;
    messages[static_cast<size_t>(ranks.rank())] = message_of([&] { writer.save(20, "{}", pieces); });
  });
  for (const std::string& message : messages) {
    EXPECT_EQ(message, "rank 1: the piece [6:20, 0:100] of 'wte.weight' comes with a tensor of shape [3, 5, 7]");
  }
  CheckpointReader reader = CheckpointReader::open(root.path());
  EXPECT_EQ(sample::difference(reader, Layout::rows, 1, 1), "");
}

TEST(Checkpoint, SaysWhereItCannotWrite) {
  const TestDirectory root("unwritable");
  write_text(root / "file", "x");
  CheckpointOptions options;
  options.directory = root / "file" / "checkpoints";
  const std::string message = message_of([&] { sample::save(options, 2, Layout::rows, 1, 1); });
  EXPECT_EQ(message, "checkpoint " + (options.directory / "step-0000001").string() +
                         " is not saved: rank 0: cannot create the directory " + options.directory.string() +
                         ": Not a directory");
  EXPECT_EQ(message_of([] { CheckpointOptions().validate(); }), "no directory for checkpoints is given; set save");
  options.keep_last = -1;
  EXPECT_EQ(message_of([&] { options.validate(); }),
            "keep_last = -1: expected 0 (keep all checkpoints) or how many to keep");
}

TEST(Checkpoint, NamesWhatIsNoCheckpoint) {
  const TestDirectory root("none");
  const std::string path = root.path().string();
  EXPECT_EQ(message_of([&] { CheckpointReader::open(root / "absent"); }),
            path + "/absent is not a directory: expected a checkpoint");
  EXPECT_EQ(message_of([&] { CheckpointReader::open(path); }),
            path +
                " holds no checkpoint: expected a directory with manifest.json, or one with latest and "
                "step-0000100 ...");
  // Killed after the rename of the very first checkpoint, before latest: it is whole, so it counts.
  sample::save(options_for(root), 1, Layout::rows, 1, 1);
  std::filesystem::remove(root / "latest");
  EXPECT_EQ(CheckpointReader::open(path).step(), 1);
  EXPECT_EQ(CheckpointReader::open(root / "step-0000001/").step(), 1);
}

TEST(Checkpoint, RefusesAnotherFormatVersion) {
  const TestDirectory root("version");
  sample::save(options_for(root), 1, Layout::rows, 1, 1);
  const std::string text = to_json(CheckpointReader::open(root.path()).manifest());
  EXPECT_EQ(to_json(parse_manifest(text, "m")), text);
  std::string other = text;
  const std::string version = "\"format_version\": 1";
  other.replace(other.find(version), version.size(), "\"format_version\": 9");
  EXPECT_EQ(message_of([&] { parse_manifest(other, "m"); }), "m: it has format version 9, written by kumiko " +
                                                                 kumiko_version() + "; this kumiko " +
                                                                 kumiko_version() + " reads version 1");
  EXPECT_EQ(message_of([&] { parse_manifest("{}", "m"); }), "m: it is not a kumiko checkpoint");
  other = text;
  other.replace(other.find("[40,100]"), 8,
                "[40,101]");  // the shape of wte.weight is behind that of its optimizer state
  EXPECT_NE(message_of([&] { check_complete(parse_manifest(other, "m")); }), "no error");
}

// A checkpoint of another model: one message lists everything.
TEST(Checkpoint, ListsWhatDiffersFromTheModel) {
  const TestDirectory root("other");
  sample::save(options_for(root), 1, Layout::rows, 1, 1);
  const CheckpointReader reader = CheckpointReader::open(root.path());
  auto expected = sample::tensors(sample::Size::small);
  EXPECT_EQ(message_of([&] { check_contents(reader.manifest(), expected, "run/step-0000001"); }), "no error");
  expected[0].shape = {50, 100};
  expected[1].dtype = DType::f32;
  expected[2].name = "h.0.attn.b";
  for (int layer = 1; layer < 13; ++layer)
    expected.push_back({fmt::format("h.{:02}.attn.bias", layer), {11}, DType::f32});
  EXPECT_EQ(
      message_of([&] { check_contents(reader.manifest(), expected, "run/step-0000001"); }),
      R"(run/step-0000001 is a checkpoint of another model; set the model's configuration to what it holds (kumiko inspect run/step-0000001), or load another one
  2 of different shape or type:
    wte.weight: expected [50, 100] f32, found [40, 100] f32
    h.0.attn.weight: expected [9, 5, 7] f32, found [9, 5, 7] bf16
  13 missing:
    h.0.attn.b: expected [11] f32
    h.01.attn.bias: expected [11] f32
    h.02.attn.bias: expected [11] f32
    h.03.attn.bias: expected [11] f32
    h.04.attn.bias: expected [11] f32
    h.05.attn.bias: expected [11] f32
    h.06.attn.bias: expected [11] f32
    h.07.attn.bias: expected [11] f32
    h.08.attn.bias: expected [11] f32
    h.09.attn.bias: expected [11] f32
    ... and 3 more
  1 stored but not expected:
    h.0.attn.bias: [11] f32)");
}

}  // namespace
}  // namespace kumiko
