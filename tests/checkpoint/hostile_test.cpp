// Manifests with right checksums that nobody of good will has written: each is refused by name, before any byte is
// read as a weight.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "checkpoint/directories.h"
#include "checkpoint/sample.h"
#include "kumiko/base/file.h"
#include "kumiko/checkpoint/checksum.h"
#include "kumiko/checkpoint/directory.h"

namespace kumiko {
namespace {

using nlohmann::json;

class HostileManifest : public testing::Test {
 protected:
  HostileManifest() : root_("hostile"), step_(root_ / checkpoint_name(1)) {
    CheckpointOptions options;
    options.directory = root_.path();
    sample::save(options, 1, sample::Layout::rows, 1, 1);
    good_ = json::parse(read_text_file(step_ / "manifest.json"));
    file_ = good_["files"][0]["name"];
    tensor_ = "wte.weight";
  }

  // What opening and verifying says of the manifest `text`, whose checksum is right.
  std::string message_of_text(const std::string& text) {
    write_text_file(step_ / "manifest.json", text);
    write_text_file(step_ / "manifest.json.xxh3", "XXH3_" + checksum_text(checksum_of(text)) + "  manifest.json\n");
    return message_of([&] { CheckpointReader::open(step_).verify(); });
  }

  template <class Change>
  std::string message(const Change& change) {
    json manifest = good_;
    change(manifest);
    return message_of_text(manifest.dump());
  }

  // Expects `part` in the message for each of the values at a place of the manifest.
  void expect_refused(const std::string& pointer, const std::vector<json>& values, const std::string& part) {
    for (const json& value : values) {
      const std::string text = message([&](json& manifest) { manifest[json::json_pointer(pointer)] = value; });
      EXPECT_NE(text.find(part), std::string::npos) << pointer << " = " << value << ": " << text;
      EXPECT_NE(text.find((step_ / "manifest.json").string()), std::string::npos) << text;
    }
  }

  json& chunks(json& manifest) const { return manifest["tensors"][tensor_]["chunks"]; }

  TestDirectory root_;
  std::filesystem::path step_;
  json good_;
  std::string file_;
  std::string tensor_;
};

TEST_F(HostileManifest, TheUnchangedOneIsTaken) {
  EXPECT_EQ(message([](json&) {}), "no error");
}

TEST_F(HostileManifest, SizesThatAreNone) {
  const std::vector<json> none = {-1, 1.5, 2.0, 1e300, uint64_t{1} << 63, "1", nullptr, json::array()};
  const std::string chunk = "/tensors/" + tensor_ + "/chunks/0/";
  for (const std::string& place :
       {std::string("/step"), std::string("/files/0/size"), std::string("/files/0/header_size"), chunk + "bytes/0",
        chunk + "bytes/1", chunk + "offset/0", chunk + "size/0", "/tensors/" + tensor_ + "/shape/0"}) {
    expect_refused(place, none, ": expected a whole number");
  }
  expect_refused("/tensors/" + tensor_ + "/shape", {{INT64_MAX}, {1 << 30, 1 << 30, 4}, {INT64_MAX, INT64_MAX}},
                 "are too large");
  expect_refused("/files/0/checksum", {"", "xyz", "-1", "0x1", "11111111111111111", 5}, "expected a");
}

TEST_F(HostileManifest, TextThatIsNoManifest) {
  EXPECT_NE(message_of_text("{\"state\": " + std::string(100'000, '[')).find("nested more than 200 levels"),
            std::string::npos);
  const std::string good = good_.dump();
  EXPECT_NE(message_of_text(good.substr(0, good.size() - 1) + ", \"x\": 1e999}").find("the number 1e999 at column"),
            std::string::npos);
  for (const char* key : {"format_version", "step", "state", "files", "tensors"}) {
    EXPECT_NE(message([&](json& manifest) { manifest.erase(key); }).find(fmt::format("\"{}\" is missing", key)),
              std::string::npos);
    EXPECT_NE(message([&](json& manifest) { manifest[key] = "text"; }),
              "no error" + std::string(key == std::string("state") ? "!" : ""));
  }
}

TEST_F(HostileManifest, FilesElsewhere) {
  expect_refused("/files/0/name",
                 {"../" + file_, "/etc/passwd", "a/b", "", ".", "..", std::string("a\0b", 3), (step_ / file_).string()},
                 "expected the name of a file beside the manifest");
  EXPECT_NE(message([](json& m) { m["files"].push_back(m["files"][0]); }).find("is listed twice"), std::string::npos);
}

TEST_F(HostileManifest, HeadersBeyondTheFile) {
  const size_t size = good_["files"][0]["size"];
  expect_refused("/files/0/header_size", {size + 1, size_t{1} << 40, INT64_MAX},
                 "expected at most the size of the file");
  const size_t header = good_["files"][0]["header_size"];
  const auto text = message([&](json& m) {
    m["files"][0]["header_size"] = header - 8;  // a hole behind it
  });
  EXPECT_NE(text.find("belongs to no tensor, or to two"), std::string::npos) << text;
}

TEST_F(HostileManifest, BoxesThatLeaveElementsOut) {
  const auto defect = [&](const auto& change) { return message(change); };
  const std::string part = "does not describe whole tensors: ";
  EXPECT_NE(defect([&](json& m) { chunks(m) = json::array(); }).find("elements are missing"), std::string::npos);
  EXPECT_NE(defect([&](json& m) { chunks(m).push_back(chunks(m)[0]); }).find(part), std::string::npos);
  // Half of it twice: the sum of the elements is right.
  const auto twice = [&](json& m) {
    json& list = chunks(m);
    json half = list[0];
    const size_t rows = half["size"][0], begin = half["bytes"][0], end = half["bytes"][1];
    ASSERT_EQ(rows % 2, 0u) << tensor_;
    half["size"][0] = rows / 2;
    half["bytes"] = {begin, begin + (end - begin) / 2};
    json other = half;
    other["bytes"] = {begin + (end - begin) / 2, end};
    list[0] = half;
    list.push_back(other);
  };
  EXPECT_NE(defect(twice).find("overlap"), std::string::npos) << defect(twice);
  // Two tensors of the same bytes.
  EXPECT_NE(defect([&](json& m) { m["tensors"]["another"] = m["tensors"][tensor_]; }).find("or to two"),
            std::string::npos);
  EXPECT_NE(defect([&](json& m) { m["tensors"].erase(tensor_); }).find(part), std::string::npos);
  EXPECT_NE(defect([&](json& m) { chunks(m)[0]["offset"] = json::array(); }).find("has an offset of 0"),
            std::string::npos);
  EXPECT_NE(defect([&](json& m) { chunks(m)[0]["bytes"] = {0, INT64_MAX}; }).find("cannot hold"), std::string::npos);
}

TEST_F(HostileManifest, DataFilesThatAreNone) {
  const auto path = step_ / file_;
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_NE(message([](json&) {}).find(path.string() + ": it is a pipe (FIFO), expected a regular file"),
            std::string::npos);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_NE(message([](json&) {}).find(path.string() + ": Is a directory"), std::string::npos);
  std::filesystem::remove(path);
  std::filesystem::create_symlink(path, path);
  EXPECT_NE(message([](json&) {}).find(path.string()), std::string::npos);
}

}  // namespace
}  // namespace kumiko
