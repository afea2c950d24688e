#include "kumiko/checkpoint/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "checkpoint/directories.h"
#include "kumiko/base/error.h"

namespace kumiko {
namespace {

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(KUMIKO_FIXTURES) / "checkpoint" / (name + ".safetensors");
}

struct RefusedCase {
  const char* name;
  const char* reason;
};

class Refused : public testing::TestWithParam<RefusedCase> {};

// The files of tests/reference/safetensors_fixtures.py, which the safetensors package refuses as well (all but
// duplicate_name, of which it silently keeps one).
TEST_P(Refused, NamesTheFileAndTheReason) {
  const auto path = fixture("refused_" + std::string(GetParam().name));
  EXPECT_EQ(message_of([&] { SafetensorsFile file(path); }),
            path.string() + " is not a valid safetensors file: " + GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(
    Safetensors, Refused,
    testing::Values(
        RefusedCase{"too_small", "it has 3 bytes, too few for the header length"},
        RefusedCase{"header_too_large", "its header would have 100000001 bytes; at most 100000000 are allowed"},
        RefusedCase{"header_beyond_file", "its header of 60 bytes ends beyond the file of 10 bytes"},
        RefusedCase{"not_utf8", "the header is not UTF-8"},
        RefusedCase{"not_json",
                    "the header is not JSON: [json.exception.parse_error.101] parse error at line 1, column 2: syntax "
                    "error while parsing object key - unexpected end of input; expected string literal"},
        RefusedCase{"not_object", "the header is not a JSON object"},
        RefusedCase{"duplicate_name", "the name 'a' stands twice in the header"},
        RefusedCase{"metadata_not_string", "__metadata__ maps 'step' to 3, not to a string"},
        RefusedCase{"no_dtype", "tensor 'a' has no dtype"},
        RefusedCase{"unknown_dtype", "tensor 'a' has the unknown dtype 'Q7'"},
        RefusedCase{"negative_shape", "tensor 'a' has the shape [-1]"},
        RefusedCase{"fractional_offset", "tensor 'a' has no data_offsets [begin, end]"},
        RefusedCase{"hole",
                    "tensor 'b' has the byte range [2, 3], but the data before it end at 1: ranges must follow "
                    "each other without hole or overlap"},
        RefusedCase{"hole_at_start",
                    "tensor 'a' has the byte range [1, 2], but the data before it end at 0: ranges "
                    "must follow each other without hole or overlap"},
        RefusedCase{"overlap",
                    "tensor 'b' has the byte range [1, 3], but the data before it end at 2: ranges must "
                    "follow each other without hole or overlap"},
        RefusedCase{"ten_share_one_range",
                    "tensor 't1' has the byte range [0, 16], but the data before it end at 16: "
                    "ranges must follow each other without hole or overlap"},
        RefusedCase{"backwards",
                    "tensor 'a' has the byte range [2, 0], but the data before it end at 0: ranges must "
                    "follow each other without hole or overlap"},
        RefusedCase{"shape_overflow", "the size of tensor 'a' overflows: shape [2,18446744073709551614]"},
        RefusedCase{"size_overflow", "the size of tensor 'a' overflows: shape [4294967296, 4294967296]"},
        RefusedCase{"size_mismatch", "tensor 'a' has 3 bytes of data, but shape [1] of F32 needs 4"},
        RefusedCase{"tail_extra", "the data should end at byte 69, but the file has 70 bytes"},
        RefusedCase{"tail_missing", "the data should end at byte 70, but the file has 69 bytes"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(SafetensorsFile, ReadsEveryElementTypeOfThePackage) {
  const SafetensorsFile file(fixture("types"));
  EXPECT_EQ(file.metadata().at("note"), "日本語");
  ASSERT_EQ(file.entries().size(), 9u);
  for (const auto& [name, dtype] : {std::pair{"float64", DType::f64},
                                    {"float32", DType::f32},
                                    {"bfloat16", DType::bf16},
                                    {"float16", DType::f16},
                                    {"int64", DType::i64},
                                    {"int32", DType::i32},
                                    {"uint16", DType::u16},
                                    {"uint8", DType::u8}}) {
    const SafetensorsEntry* entry = file.find(name);
    ASSERT_NE(entry, nullptr) << name;
    EXPECT_EQ(entry->dtype, dtype) << name;
    EXPECT_EQ(entry->shape, (Shape{2, 3}));
    ASSERT_EQ(file.bytes(*entry).size(), 6 * size_of(dtype));
    for (size_t i = 0; i < 6 * size_of(dtype); ++i) EXPECT_EQ(file.bytes(*entry)[i], std::byte(i));
  }
  ASSERT_NE(file.find("bool"), nullptr);
  EXPECT_EQ(file.find("bool")->dtype, std::nullopt);
  EXPECT_EQ(file.find("absent"), nullptr);
}

TEST(SafetensorsFile, ReadsValuesAndShapesAtTheEdge) {
  const SafetensorsFile values(fixture("values"));
  const std::span<const std::byte> matrix = values.bytes(*values.find("matrix"));
  for (int i = 0; i < 12; ++i) {
    float value = 0;
    std::memcpy(&value, matrix.data() + 4 * i, 4);
    EXPECT_EQ(value, static_cast<float>(i));
  }
  EXPECT_EQ(values.find("scalar")->shape, Shape{});

  const SafetensorsFile edges(fixture("edges"));
  EXPECT_EQ(edges.find("none")->shape, (Shape{0, 4}));
  EXPECT_TRUE(edges.bytes(*edges.find("none")).empty());
  EXPECT_TRUE(SafetensorsFile(fixture("empty")).entries().empty());
}

TEST(SafetensorsWriter, WritesWhatTheReaderReads) {
  const TestDirectory directory("safetensors");
  const auto path = directory / "file.safetensors";
  std::vector<float> matrix(6);
  std::iota(matrix.begin(), matrix.end(), 0.5f);
  const int64_t scalar = -3;
  SafetensorsWriter writer(path, {{"empty", DType::f32, {0, 4}},
                                  {"scalar \"quoted\" 組子", DType::i64, {}},
                                  {"matrix", DType::f32, {2, 3}},
                                  {"last", DType::f32, {0}}});
  writer.write("scalar \"quoted\" 組子", &scalar, sizeof(scalar));
  writer.write("matrix", matrix.data(), 8);
  writer.write("matrix", matrix.data() + 2, 16);
  writer.finish();

  const SafetensorsFile file(path);
  EXPECT_EQ(writer.header_size() % 8, 0u);
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  ASSERT_EQ(file.entries().size(), 4u);
  // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): bits are what is meant.
  EXPECT_EQ(0, std::memcmp(file.bytes(*file.find("matrix")).data(), matrix.data(), 24));
  EXPECT_EQ(0, std::memcmp(file.bytes(*file.find("scalar \"quoted\" 組子")).data(), &scalar, 8));

  const std::string content = read_text_file(path);
  EXPECT_EQ(writer.size(), content.size());
  EXPECT_EQ(writer.checksum(), checksum_of(content));
  EXPECT_EQ(writer.header_checksum(), checksum_of(content.substr(0, writer.header_size())));
}

TEST(SafetensorsWriter, RefusesWhatWasNotAnnounced) {
  const TestDirectory directory("safetensors");
  const auto path = directory / "file.safetensors";
  EXPECT_EQ(message_of([&] {
              SafetensorsWriter(path, {{"a", DType::u8, {1}}, {"a", DType::u8, {1}}});
            }),
            "'a' cannot be written twice to one file");
  EXPECT_EQ(message_of([&] {
              SafetensorsWriter(path, {{"__metadata__", DType::u8, {1}}});
            }),
            "'__metadata__' cannot be written twice to one file");
  SafetensorsWriter writer(path, {{"a", DType::u8, {2}}, {"b", DType::u8, {1}}});
  EXPECT_EQ(message_of([&] { writer.write("b", "x", 1); }),
            "1 bytes of 'b' do not belong at this place of " + path.string() + ": expected 2 bytes of 'a'");
  EXPECT_EQ(message_of([&] { writer.write("a", "xyz", 3); }),
            "3 bytes of 'a' do not belong at this place of " + path.string() + ": expected 2 bytes of 'a'");
  writer.write("a", "xy", 2);
  EXPECT_EQ(message_of([&] { writer.finish(); }), path.string() + " is finished without its tensor 'b'");
}

// The golden value of the xxHash project for an empty input, and one computed by the Python package xxhash.
TEST(Checksum, IsXxh3) {
  EXPECT_EQ(checksum_text(checksum_of(std::string_view())), "2d06800538d394c2");
  EXPECT_EQ(checksum_text(checksum_of(std::string_view("kumiko"))), "8a859011ee396019");
  Checksum pieces;
  pieces.update("kum", 3);
  pieces.update("iko", 3);
  EXPECT_EQ(pieces.value(), checksum_of(std::string_view("kumiko")));
}

}  // namespace
}  // namespace kumiko
