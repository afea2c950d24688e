#include "kumiko/model/tensor_parallel.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

ModelOptions llama(int64_t heads, int64_t kv_heads) {
  ModelOptions options;
  options.architecture = Architecture::llama;
  options.num_attention_heads = heads;
  options.num_query_groups = kv_heads;
  options.ffn_hidden_size = 1000;
  options.vocab_size = 1000;
  return options;
}

std::string message_of(const ModelOptions& options, int64_t size) {
  try {
    check_tensor_parallel(options, size);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

// As a damaged record gives them: no size is near for which such a model could be cut.
TEST(CheckTensorParallel, EndsForSizesThatNoModelHas) {
  ModelOptions options = llama(12, 4);
  options.vocab_size = 0;
  EXPECT_EQ(message_of(options, 4), "parallel.tensor_model_parallel_size = 4: it is more than model.vocab_size = 0");
  options = llama(12, 4);
  options.num_attention_heads = 0;
  EXPECT_EQ(message_of(options, 4),
            "parallel.tensor_model_parallel_size = 4: model.num_attention_heads = 0, expected 1 or more");
  options = llama(12, 4);
  options.num_query_groups = -1;
  EXPECT_EQ(message_of(options, 4),
            "parallel.tensor_model_parallel_size = 4: model.num_query_groups = -1, expected 1 or more");
  EXPECT_EQ(message_of(llama(12, 4), 0), "parallel.tensor_model_parallel_size = 0: expected 1 or more");
}

TEST(CheckTensorParallel, NamesWhatCannotBeSharedOut) {
  EXPECT_EQ(message_of(llama(12, 4), 4), "no error");
  EXPECT_EQ(message_of(llama(12, 4), 5),
            "parallel.tensor_model_parallel_size = 5: it does not divide model.num_attention_heads = 12; the nearest "
            "sizes that the model can be cut for are 4 and 12");
  EXPECT_EQ(message_of(llama(12, 4), 6),
            "parallel.tensor_model_parallel_size = 6: neither it nor model.num_query_groups = 4 divides the other, so "
            "that ranks would have different numbers of them; the nearest sizes that the model can be cut for are 4 "
            "and 12");
  EXPECT_EQ(message_of(llama(12, 4), 24),
            "parallel.tensor_model_parallel_size = 24: it does not divide model.num_attention_heads = 12; the nearest "
            "size that the model can be cut for is 12");
}

TEST(CheckTensorParallel, NamesOnlyWhatIsTooSmall) {
  ModelOptions options = llama(8, 8);
  options.ffn_hidden_size = 3;
  EXPECT_EQ(message_of(options, 4),
            "parallel.tensor_model_parallel_size = 4: it is more than model.ffn_hidden_size = 3; the nearest size that "
            "the model can be cut for is 2");
  options = llama(8, 8);
  options.vocab_size = 7;
  EXPECT_EQ(message_of(options, 8),
            "parallel.tensor_model_parallel_size = 8: it is more than model.vocab_size = 7; the nearest size that the "
            "model can be cut for is 4");
}

// Every size that a message names is one that is taken, and none is nearer.
TEST(CheckTensorParallel, AdvisesWhatItTakes) {
  for (const int64_t kv_heads : {1, 2, 3, 4, 6, 12}) {
    const ModelOptions options = llama(12, kv_heads);
    for (int64_t size = 1; size <= 14; ++size) {
      const std::string message = message_of(options, size);
      ASSERT_EQ(can_cut(options, size), message == "no error") << size;
      if (message == "no error") continue;
      int64_t below = size;
      while (!can_cut(options, below)) --below;
      int64_t above = size;
      while (above <= 12 && !can_cut(options, above)) ++above;
      const std::string advice = above <= 12 ? fmt::format("are {} and {}", below, above) : fmt::format("is {}", below);
      EXPECT_TRUE(message.ends_with(" " + advice)) << message;
    }
  }
}

}  // namespace
}  // namespace kumiko
