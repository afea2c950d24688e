#include "kumiko/data/sample_source.h"

#include <set>

#include "data/order_fixtures.h"

namespace kumiko {
namespace {

Split split_of(const std::string& name) {
  return name == "train" ? Split::train : name == "valid" ? Split::valid : Split::test;
}

SampleRequest request_of(const nlohmann::json& item) {
  SampleRequest request;
  request.split = split_of(item.at("which"));
  request.num_samples = item.at("num_samples");
  request.seq_length = item.at("seq_length");
  request.seed = item.at("seed");
  return request;
}

// Fixtures hold a sample as runs of tokens that count up: [first, how many].
std::vector<int32_t> expand(const nlohmann::json& runs) {
  std::vector<int32_t> tokens;
  for (const auto& run : runs) {
    for (int32_t i = 0; i < run.at(1); ++i) tokens.push_back(run.at(0).get<int32_t>() + i);
  }
  return tokens;
}

void expect_samples(const DataOptions& options, const nlohmann::json& item) {
  const SampleRequest request = request_of(item);
  const auto source = make_sample_source(options, request);
  const auto& expected = item.at("samples");
  ASSERT_EQ(source->num_samples(), static_cast<int64_t>(expected.size()));
  std::vector<int32_t> tokens(static_cast<size_t>(request.seq_length + 1));
  for (size_t i = 0; i < expected.size(); ++i) {
    source->sample(static_cast<int64_t>(i), tokens);
    ASSERT_EQ(tokens, expand(expected[i])) << "sample " << i;
  }
}

std::vector<std::string> in_fixtures(const nlohmann::json& path) {
  std::vector<std::string> located;
  for (const std::string field : path) located.push_back(field.starts_with("part") ? dataset_fixture(field) : field);
  return located;
}

TEST(MakeSampleSource, OneDatasetGivesMegatronsSamples) {
  for (const auto& item : order_fixtures("orders")) {
    SCOPED_TRACE(item.at("dataset").get<std::string>() + " " + item.at("split").get<std::string>());
    DataOptions options;
    options.data_path = {dataset_fixture(item.at("dataset"))};
    options.split = item.at("split");
    expect_samples(options, item);
  }
}

TEST(MakeSampleSource, BlendsGiveMegatronsSamples) {
  const auto cases = order_fixtures("blends");
  ASSERT_EQ(cases.size(), 18U);
  for (const auto& item : cases) {
    SCOPED_TRACE(item.dump().substr(0, 120));
    DataOptions options;
    if (item.contains("data_path")) {
      options.data_path = in_fixtures(item.at("data_path"));
      options.split = item.at("split");
    }
    if (item.contains("train_data_path")) options.train_data_path = in_fixtures(item.at("train_data_path"));
    if (item.contains("valid_data_path")) options.valid_data_path = in_fixtures(item.at("valid_data_path"));
    if (item.contains("test_data_path")) options.test_data_path = in_fixtures(item.at("test_data_path"));
    expect_samples(options, item);
  }
}

// One epoch of one sequence shows every token but the first and what is left over as a label, once.
TEST(MakeSampleSource, AnEpochShowsEveryLabelOnce) {
  const TestFolder folder;
  std::vector<int32_t> sequence(101);
  for (size_t i = 0; i < sequence.size(); ++i) sequence[i] = static_cast<int32_t>(i);
  write_dataset(folder.path("d"), TokenType::u16, {sequence});
  DataOptions options;
  options.train_data_path = {folder.path("d")};
  const auto source = make_sample_source(options, {Split::train, 10, 10, 1, 0});
  ASSERT_EQ(source->num_samples(), 10);
  std::multiset<int32_t> labels;
  std::vector<int32_t> tokens(11);
  for (int64_t i = 0; i < 10; ++i) {
    source->sample(i, tokens);
    labels.insert(tokens.begin() + 1, tokens.end());
  }
  EXPECT_EQ(labels, (std::multiset<int32_t>(sequence.begin() + 1, sequence.end())));
}

// A run that is made longer on its way: what the first plan holds keeps its order, and every pass shows every label
// once.
TEST(MakeSampleSource, ALongerPlanKeepsTheOrderAndRepeatsNothing) {
  const TestFolder folder;
  std::vector<int32_t> sequence(101);
  for (size_t i = 0; i < sequence.size(); ++i) sequence[i] = static_cast<int32_t>(i);
  write_dataset(folder.path("d"), TokenType::u16, {sequence});
  DataOptions options;
  options.train_data_path = {folder.path("d")};
  const auto sample = [](const SampleSource& source, int64_t index) {
    std::vector<int32_t> tokens(11);
    source.sample(index, tokens);
    return tokens;
  };
  const auto before = make_sample_source(options, {Split::train, 8, 10, 1, 0});
  SampleRequest longer{Split::train, 25, 10, 1, 0};
  longer.planned = {8, 25};
  const auto after = make_sample_source(options, longer);
  ASSERT_GE(after->num_samples(), 25);
  for (int64_t i = 0; i < 8; ++i) EXPECT_EQ(sample(*before, i), sample(*after, i)) << i;
  std::multiset<int32_t> first_pass;
  for (int64_t i = 0; i < 10; ++i) {
    const auto tokens = sample(*after, i);
    first_pass.insert(tokens.begin() + 1, tokens.end());
  }
  EXPECT_EQ(first_pass, (std::multiset<int32_t>(sequence.begin() + 1, sequence.end())));
  // A shorter run draws the same ones.
  SampleRequest shorter{Split::train, 4, 10, 1, 0};
  shorter.planned = {8};
  EXPECT_EQ(sample(*before, 3), sample(*make_sample_source(options, shorter), 3));
}

class SampleSourceErrors : public ::testing::Test {
 protected:
  SampleSourceErrors() {
    write_dataset(folder_.path("d"), TokenType::u16, {{1, 2, 3, 4, 5}, {6, 7}, {8, 9, 300}});
    write_dataset(folder_.path("empty"), TokenType::u16, {{}, {}});
    options_.data_path = {folder_.path("d")};
  }
  std::string message(SampleRequest request = {Split::train, 4, 2, 1, 0}) {
    return error_message([&] { make_sample_source(options_, request); });
  }
  TestFolder folder_;
  DataOptions options_;
};

TEST_F(SampleSourceErrors, EmptySplit) {
  EXPECT_EQ(message({Split::valid, 4, 2, 1, 0}),
            "the valid split of " + folder_.path("d") +
                " is empty: \"990,9,1\" leaves it none of the 3 sequences; give valid a larger share, or build the "
                "dataset from more documents (`kumiko data build --split-on blank-line` or `line` makes more of a text "
                "file)");
  options_.data_path = {folder_.path("empty")};
  EXPECT_EQ(message(), "the train split of " + folder_.path("empty") + " has 2 sequences but no tokens");
}

TEST_F(SampleSourceErrors, TokenOutsideTheVocabulary) {
  EXPECT_TRUE(contains(message({Split::train, 4, 2, 1, 300}), "token id 300 in " + folder_.path("d")));
  EXPECT_EQ(make_sample_source(options_, {Split::train, 4, 2, 1, 301})->num_samples(), 4);
}

TEST_F(SampleSourceErrors, TooFewSamplesWithoutWeights) {
  options_.data_path = {folder_.path("d"), folder_.path("d")};
  options_.split = "1";
  EXPECT_EQ(message({Split::train, 9, 2, 1, 0}),
            "the train split of 2 datasets without weights holds 8 samples, and datasets without weights are not "
            "repeated, but the run needs 9; give each dataset a weight (weight prefix weight prefix ...), or train for "
            "fewer steps");
  EXPECT_TRUE(contains(message({Split::train, 1, 10, 1, 0}), "has 10 tokens, fewer than one sample of seq_length 10"));
}

TEST_F(SampleSourceErrors, Options) {
  options_.train_data_path = {"a"};
  EXPECT_TRUE(contains(message(), "data_path and train_data_path, valid_data_path or test_data_path are both given"));
  options_.data_path.clear();
  EXPECT_EQ(message({Split::test, 4, 2, 1, 0}), "there is no data for the test split: give test_data_path");
  EXPECT_TRUE(contains(message({Split::train, 4, 0, 1, 0}), "seq_length 0: expected at least 1"));
}

}  // namespace
}  // namespace kumiko
