#include "kumiko/data/dataset_merge.h"

#include "data/dataset_testing.h"
#include "kumiko/data/indexed_dataset.h"

namespace kumiko {
namespace {

TEST(MergeDatasets, JoinsSequencesAndDocuments) {
  const TestFolder folder;
  write_dataset(folder.path("a"), TokenType::i32, {{1, 2, 3}, {}});
  const DatasetMergeReport report =
      merge_datasets({folder.path("a"), dataset_fixture("documents"), folder.path("a")}, folder.path("out"));
  EXPECT_EQ(report.num_documents, 8);
  EXPECT_EQ(report.num_tokens, 17);
  const IndexedDataset merged(folder.path("out"));
  EXPECT_EQ(merged.num_sequences(), 10);
  std::vector<int64_t> boundaries;
  for (int64_t i = 0; i < merged.documents().size(); ++i) boundaries.push_back(merged.documents()[i]);
  EXPECT_EQ(boundaries, (std::vector<int64_t>{0, 1, 2, 4, 4, 5, 8, 9, 10}));
  std::vector<int32_t> tokens(2);
  merged.read(3, 0, tokens);
  EXPECT_EQ(tokens, (std::vector<int32_t>{70003, 70004}));
}

TEST(MergeDatasets, SaysWhatIsWrong) {
  const TestFolder folder;
  write_dataset(folder.path("a"), TokenType::i32, {{1}});
  write_dataset(folder.path("b"), TokenType::u16, {{1}});
  const auto message = [&](const std::vector<std::string>& inputs, const std::string& output) {
    return error_message([&] { merge_datasets(inputs, output); });
  };
  EXPECT_TRUE(contains(message({}, folder.path("out")), "nothing to merge"));
  EXPECT_EQ(message({folder.path("a"), folder.path("b")}, folder.path("out")),
            "cannot merge " + folder.path("b") + " (uint16) with " + folder.path("a") +
                " (int32): expected one token type; build both with the same tokenizer");
  EXPECT_TRUE(contains(message({folder.path("a")}, folder.path("./a")), "is also an input"));
  EXPECT_TRUE(contains(message({folder.path("c")}, folder.path("out")), "there is no dataset"));
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"a.bin", "a.idx", "b.bin", "b.idx"}));
}

}  // namespace
}  // namespace kumiko
