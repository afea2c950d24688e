// Nothing that happens to the bytes on the disk goes unnoticed, and the message says what is lost and what to load
// instead.
#include <gtest/gtest.h>

#include <fstream>

#include "checkpoint/directories.h"
#include "checkpoint/sample.h"
#include "kumiko/base/file.h"
#include "kumiko/checkpoint/directory.h"

namespace kumiko {
namespace {

using sample::Layout;

// ROOT with steps 90, 100 and 101, all whole; `latest` names 101.
class Damage : public testing::Test {
 protected:
  Damage() : root_("damage") {
    CheckpointOptions options;
    options.directory = root_.path();
    options.keep_last = 0;
    for (const int step : {90, 100, 101}) sample::save(options, 2, Layout::rows, step, step);
  }

  // What a start of training from ROOT, or from the checkpoint of `step`, says.
  std::string message(std::optional<int64_t> step = std::nullopt) {
    return message_of([&] { CheckpointReader::open(step ? root_ / checkpoint_name(*step) : root_.path()).verify(); });
  }

  std::string offer(int64_t step) const {
    return fmt::format("; {} is complete; load it with --load {}", checkpoint_name(step),
                       (root_ / checkpoint_name(step)).string());
  }

  // Flips one bit of a byte, in place; a second time puts it right again.
  static void flip(const std::filesystem::path& path, size_t byte) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(byte));
    const auto value = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(byte));
    file.put(static_cast<char>(value ^ (1 << (byte % 8))));
  }

  // Flips one bit of each byte (or every `stride`-th) in [begin, end) of the file in turn and expects each time a
  // message with both texts.
  void expect_found(const std::filesystem::path& path, size_t begin, size_t end, const std::string& named,
                    const std::string& offered, size_t stride = 1) {
    end = std::min<size_t>(end, std::filesystem::file_size(path));
    for (size_t i = begin; i < end; i += stride) {
      flip(path, i);
      const std::string text = message();
      flip(path, i);
      ASSERT_NE(text.find(named), std::string::npos) << path << " byte " << i << ": " << text;
      ASSERT_TRUE(text.ends_with(offered)) << path << " byte " << i << ": " << text;
    }
    ASSERT_EQ(message(), "no error");
  }

  TestDirectory root_;
};

constexpr size_t to_the_end = static_cast<size_t>(-1);

TEST_F(Damage, OfAnyByteOfTheManifestIsFound) {
  const auto directory = root_ / "step-0000101";
  expect_found(directory / "manifest.json", 0, to_the_end, (directory / "manifest.json").string(), offer(100), 3);
  expect_found(directory / "manifest.json.xxh3", 0, to_the_end, "manifest.json.xxh3", offer(100));
}

TEST_F(Damage, OfAnyByteOfLatestIsFound) {
  // The newest that verifies is offered: here, the one that it should have named.
  expect_found(root_ / "latest", 0, to_the_end, (root_ / "latest").string(), offer(101));
}

TEST_F(Damage, OfAnyByteOfDataIsFoundWithFileAndTensor) {
  const auto directory = root_ / "step-0000101";
  const Manifest manifest = CheckpointReader::open(directory).manifest();
  for (const FileRecord& file : manifest.files) {
    const std::string path = (directory / file.name).string();
    expect_found(path, 0, file.header_size, path + " is damaged: its header", offer(100), 3);
  }
  for (const auto& [name, tensor] : manifest.tensors) {
    for (const ChunkRecord& chunk : tensor.chunks) {
      const std::string path = (directory / chunk.file).string();
      const std::string named = path + " is damaged: tensor '" + name + "' " + chunk.box.to_string();
      const size_t middle = (chunk.begin + chunk.end) / 2;
      expect_found(path, chunk.begin, std::min(chunk.begin + 40, chunk.end), named, offer(100));
      expect_found(path, middle, std::min(middle + 8, chunk.end), named, offer(100));
      expect_found(path, std::max(chunk.end, size_t{40}) - 40, chunk.begin == chunk.end ? 0 : chunk.end,
                   path + " is damaged: tensor '", offer(100));
    }
  }
}

// Loading finds it as well, without reading more than it needs.
TEST_F(Damage, IsFoundByLoading) {
  CheckpointReader whole = CheckpointReader::open(root_.path());
  const ChunkRecord chunk = whole.manifest().tensors.at("mask").chunks.front();
  const auto path = root_ / "step-0000101" / chunk.file;
  flip(path, chunk.begin);
  CheckpointReader reader = CheckpointReader::open(root_.path());
  const std::string text = message_of([&] { sample::difference(reader, Layout::rows, 1, 101); });
  EXPECT_NE(text.find(path.string() + " is damaged: tensor 'mask' " + chunk.box.to_string()), std::string::npos)
      << text;
  EXPECT_TRUE(text.ends_with(offer(100))) << text;
}

TEST_F(Damage, ByTruncationIsFoundAtAnyLength) {
  const auto path = root_ / "step-0000101" / "rank-00001-of-00002.safetensors";
  const std::string content = read_text_file(path);
  for (size_t size = 0; size < content.size(); size += 97) {
    write_text(path, content.substr(0, size));
    const std::string text = message();
    ASSERT_NE(text.find(fmt::format("{} is damaged: the file has {} bytes instead of {}, which cuts off tensor '",
                                    path.string(), size, content.size())),
              std::string::npos)
        << text;
    ASSERT_TRUE(text.ends_with(offer(100))) << text;
  }
  write_text(path, content.substr(0, content.size() - 1));
  EXPECT_NE(message().find("which cuts off tensor 'mask';"), std::string::npos) << message();
  std::filesystem::remove(path);
  EXPECT_NE(message().find(path.string() + " is damaged: the file is missing, and with it tensor 'h.0.attn.bias' and 4 "
                                           "more"),
            std::string::npos)
      << message();
  write_text(path, content + "x");
  EXPECT_EQ(message(), fmt::format("{} is damaged: the file has {} bytes instead of {}{}", path.string(),
                                   content.size() + 1, content.size(), offer(100)));
  for (const char* name : {"manifest.json", "manifest.json.xxh3"}) {
    write_text(path, content);
    const auto other = root_ / "step-0000101" / name;
    const std::string text = read_text_file(other);
    for (const size_t size : {size_t{0}, text.size() / 2, text.size() - 1}) {
      write_text(other, text.substr(0, size));
      EXPECT_NE(message().find("manifest.json"), std::string::npos);
      EXPECT_TRUE(message().ends_with(offer(100))) << message();
    }
    write_text(other, text);
  }
}

TEST_F(Damage, OffersOnlyWhatIsWhole) {
  const auto damage = [&](const std::string& checkpoint) {
    const auto path = root_ / checkpoint / "rank-00000-of-00002.safetensors";
    flip(path, std::filesystem::file_size(path) - 1);
  };
  damage("step-0000101");
  damage("step-0000100");
  EXPECT_TRUE(message().ends_with(offer(90))) << message();
  EXPECT_TRUE(message(100).ends_with(offer(90))) << message(100);
  damage("step-0000090");
  EXPECT_TRUE(message().ends_with("; there is no earlier complete checkpoint in " + root_.path().string()))
      << message();
}

TEST_F(Damage, OfWhatLatestNamesIsFound) {
  std::filesystem::remove_all(root_ / "step-0000101");
  EXPECT_EQ(message(), (root_ / "latest").string() + " names " + (root_ / "step-0000101").string() +
                           ", which is not there or has no manifest.json" + offer(100));
  std::filesystem::remove(root_ / "step-0000100" / "manifest.json");
  EXPECT_EQ(message(100),
            (root_ / "step-0000100").string() + " is not a complete checkpoint: it has no manifest.json" + offer(90));
}

}  // namespace
}  // namespace kumiko
