#include "kumiko/data/indexed_dataset.h"

#include "data/dataset_testing.h"

namespace kumiko {
namespace {

std::vector<int32_t> sequence_of(const IndexedDataset& dataset, int64_t sequence) {
  std::vector<int32_t> tokens(static_cast<size_t>(dataset.sizes()[sequence]));
  dataset.read(sequence, 0, tokens);
  return tokens;
}

std::string hex(const std::string& bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

TEST(IndexedDatasetWriter, WritesTheGoldenFiles) {
  const TestFolder folder;
  write_dataset(folder.path("golden"), TokenType::u16, {{1, 2, 3}, {4, 5}});
  EXPECT_EQ(
      hex(read_text_file(folder.path("golden.idx"))),
      "4d4d4944494458000001000000000000000802000000000000000300000000000000030000000200000000000000000000000600000000"
      "000000000000000000000001000000000000000200000000000000");
  EXPECT_EQ(hex(read_text_file(folder.path("golden.bin"))), "01000200030004000500");
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"golden.bin", "golden.idx"}));
  // And what megatron-core wrote is the same.
  for (const char* file : {"golden.idx", "golden.bin"}) {
    EXPECT_EQ(read_text_file(folder.path(file)), read_text_file(dataset_fixture(file)));
  }
}

TEST(IndexedDatasetWriter, WritesDocumentsOfSeveralSequencesAsMegatron) {
  const TestFolder folder;
  IndexedDatasetWriter writer(folder.path("new/folder/documents"), TokenType::i32);
  int32_t token = 70000;
  for (const std::vector<int>& document : std::vector<std::vector<int>>{{3, 2}, {}, {4}, {0, 1, 1}}) {
    for (const int size : document) {
      for (int i = 0; i < size; ++i) writer.append(std::vector<int32_t>{token++});
      writer.end_sequence();
    }
    writer.end_document();
  }
  writer.commit();
  for (const char* ending : {".idx", ".bin"}) {
    EXPECT_EQ(read_text_file(folder.path("new/folder/documents") + ending),
              read_text_file(dataset_fixture("documents") + ending));
  }
}

TEST(IndexedDataset, ReadsWhatMegatronWrote) {
  const IndexedDataset dataset(dataset_fixture("documents"));
  EXPECT_EQ(dataset.token_type(), TokenType::i32);
  EXPECT_EQ(dataset.num_sequences(), 6);
  EXPECT_EQ(dataset.num_documents(), 4);
  EXPECT_EQ(dataset.num_tokens(), 11);
  EXPECT_EQ(sequence_of(dataset, 1), (std::vector<int32_t>{70003, 70004}));
  EXPECT_EQ(sequence_of(dataset, 3), (std::vector<int32_t>{}));
  EXPECT_EQ(dataset.max_token_id(), 70010);
  EXPECT_EQ(dataset.max_token_id(2), 70001);
  std::vector<int32_t> middle(2);
  dataset.read(0, 1, middle);
  EXPECT_EQ(middle, (std::vector<int32_t>{70001, 70002}));
}

// Documents of two sequences, of none, of an empty one and of one, the largest token of the type last.
TEST(IndexedDataset, ReadsEveryIntegerTypeThatMegatronWrites) {
  const TestFolder folder;
  for (const TokenType type :
       {TokenType::u8, TokenType::i8, TokenType::i16, TokenType::i32, TokenType::i64, TokenType::u16}) {
    const std::string name = "type_" + std::string(token_type_name(type));
    SCOPED_TRACE(name);
    const auto largest = static_cast<int32_t>(std::min<int64_t>(largest_token(type), 2147483647));
    const std::vector<std::vector<int32_t>> sequences = {{5, 0}, {1}, {}, {largest - 1, 127, largest}};
    const IndexedDataset dataset(dataset_fixture(name));
    EXPECT_EQ(dataset.token_type(), type);
    EXPECT_EQ(dataset.num_documents(), 4);
    ASSERT_EQ(dataset.num_sequences(), 4);
    for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(sequence_of(dataset, i), sequences[static_cast<size_t>(i)]);
    // And ours are the same files.
    IndexedDatasetWriter writer(folder.path(name), type);
    for (size_t i = 0; i < 4; ++i) {
      if (!sequences[i].empty()) writer.append(sequences[i]);
      writer.end_sequence();
      if (i == 0) continue;
      writer.end_document();
      if (i == 1) writer.end_document();
    }
    writer.commit();
    for (const char* ending : {".idx", ".bin"}) {
      EXPECT_EQ(read_text_file(folder.path(name) + ending), read_text_file(dataset_fixture(name) + ending));
    }
  }
}

TEST(IndexedDataset, ReadsEveryIntegerType) {
  const TestFolder folder;
  for (const TokenType type :
       {TokenType::u8, TokenType::i8, TokenType::i16, TokenType::i32, TokenType::i64, TokenType::u16}) {
    const std::string prefix = folder.path(token_type_name(type));
    const auto largest = static_cast<int32_t>(std::min<int64_t>(largest_token(type), 2147483647));
    std::vector<int32_t> tokens(600, 7);
    tokens.back() = largest;
    write_dataset(prefix, type, {{1}, tokens});
    const IndexedDataset dataset(prefix);
    EXPECT_EQ(sequence_of(dataset, 1), tokens) << token_type_name(type);
    EXPECT_EQ(dataset.max_token_id(), largest);
  }
}

TEST(IndexedDatasetWriter, RefusesTokensThatDoNotFit) {
  const TestFolder folder;
  IndexedDatasetWriter writer(folder.path("small"), TokenType::u16);
  EXPECT_EQ(error_message([&] { writer.append(std::vector<int32_t>{70000}); }),
            "token id 70000 does not fit the dataset " + folder.path("small") +
                " of type uint16: expected ids from 0 to 65535; check the tokenizer");
}

TEST(IndexedDatasetWriter, LeavesNothingWithoutCommit) {
  const TestFolder folder;
  { IndexedDatasetWriter(folder.path("lost"), TokenType::u16).append(std::vector<int32_t>{1}); }
  EXPECT_TRUE(folder.names().empty());
}

TEST(IndexedDataset, NamesATokenOutsideTheVocabulary) {
  const TestFolder folder;
  const std::string prefix = folder.path("big");
  write_dataset(prefix, TokenType::u16, {{1, 2}, {3, 50300, 4}});
  const IndexedDataset dataset(prefix);
  const std::string expected =
      "token id 50300 in " + prefix +
      " (sequence 1, token 1) exceeds vocab_size 50257: expected ids from 0 to 50256; build the dataset with the "
      "model's tokenizer, or set vocab_size to that of the dataset's tokenizer";
  std::vector<int32_t> tokens(2);
  EXPECT_EQ(error_message([&] { dataset.read(1, 1, tokens, 50257); }), expected);
  EXPECT_EQ(error_message([&] { dataset.check_vocabulary(50257, 100); }), expected);
  dataset.check_vocabulary(50257, 3);
  dataset.check_vocabulary(50301, 100);
  dataset.read(1, 1, tokens, 50301);
}

// Each a way in which an index can be wrong, with the message.
class DamagedIndex : public ::testing::Test {
 protected:
  DamagedIndex() {
    write_dataset(prefix_, TokenType::u16, {{1, 2, 3}, {4, 5}});
    index_ = read_text_file(prefix_ + ".idx");
  }

  std::string message_with(const std::string& index) {
    folder_.write("d.idx", index);
    return error_message([&] { IndexedDataset dataset(prefix_); });
  }
  std::string message_with(size_t offset, const std::string& bytes) {
    return message_with(std::string(index_).replace(offset, bytes.size(), bytes));
  }

  TestFolder folder_;
  std::string prefix_ = folder_.path("d");
  std::string index_;
};

TEST_F(DamagedIndex, Truncated) {
  const std::string advice = "build the dataset again, or copy both files again";
  EXPECT_EQ(message_with(index_.substr(0, 20)),
            prefix_ + ".idx is truncated: 20 bytes, but its header alone takes 34; " + advice);
  EXPECT_EQ(message_with(index_.substr(0, 81)),
            prefix_ + ".idx is truncated: 81 bytes, but 2 sequences and 3 document boundaries take 82; " + advice);
  EXPECT_TRUE(contains(message_with(index_ + "x"),
                       "has the wrong length: 83 bytes, but 2 sequences and 3 document "
                       "boundaries take 82 (84 with modes)"));
  EXPECT_TRUE(contains(message_with(18, std::string(8, '\xff')), "18446744073709551615 sequences"));
}

TEST_F(DamagedIndex, NotAnIndex) {
  EXPECT_TRUE(contains(message_with(std::string(82, 'x')), "is not the index of an indexed dataset"));
  EXPECT_TRUE(contains(message_with(9, "\x02"), "has version 2; this program reads version 1"));
  EXPECT_TRUE(contains(message_with(17, "\x09"), "has token type 9; the known types are 1 to 8"));
  EXPECT_TRUE(contains(message_with(17, "\x07"), "holds float32 numbers, which are not token ids"));
}

TEST_F(DamagedIndex, ContradictsItself) {
  EXPECT_TRUE(contains(message_with(37, "\xff"), "sequence 0 has -16777213 tokens"));
  EXPECT_TRUE(contains(message_with(34, "\x02"), "sequence 1 begins at byte 6, but the ones before it end at byte 4"));
  EXPECT_TRUE(contains(message_with(58, "\x01"), "the first document boundary is 1; expected 0"));
  EXPECT_TRUE(contains(message_with(66, "\x03"), "document 1 ends at sequence 2, before its first, 3"));
  EXPECT_TRUE(contains(message_with(74, "\x01"), "the last document ends at sequence 1; expected 2"));
}

TEST_F(DamagedIndex, TokensTruncated) {
  folder_.write("d.bin", "123456789");
  EXPECT_EQ(message_with(index_), prefix_ + ".bin is truncated: 9 bytes, but " + prefix_ +
                                      ".idx speaks of 10; build the dataset again, or copy both files again");
}

TEST_F(DamagedIndex, ModesAreLegal) {
  folder_.write("d.idx", index_ + std::string(2, '\0'));
  EXPECT_EQ(IndexedDataset(prefix_).num_sequences(), 2);
}

TEST_F(DamagedIndex, Missing) {
  EXPECT_EQ(error_message([] { IndexedDataset dataset("/none/corpus"); }),
            "there is no dataset /none/corpus: /none/corpus.idx does not exist; expected the prefix of "
            "/none/corpus.bin and /none/corpus.idx, as written by `kumiko data build --output /none/corpus`");
  EXPECT_EQ(error_message([&] { IndexedDataset dataset(prefix_ + ".bin"); }),
            "there is no dataset " + prefix_ + ".bin: " + prefix_ +
                ".bin.idx does not exist; give the prefix without its ending: " + prefix_);
}

}  // namespace
}  // namespace kumiko
