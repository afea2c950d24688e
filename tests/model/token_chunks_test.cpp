#include "kumiko/model/token_chunks.h"

#include <gtest/gtest.h>

#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/model/memory.h"

namespace kumiko {
namespace {

// Every token is on one rank, and a gathered chunk is one run of rows, in the order of ranks.
TEST(TokenChunks, ShareOutEveryToken) {
  for (const int64_t ranks : {1, 2, 4}) {
    for (const int64_t wanted : {1, 2, 3, 8}) {
      constexpr int64_t tokens = 96;
      const int64_t count = TokenChunks::of(tokens, wanted, ranks).count;
      int64_t next = 0;
      for (int64_t chunk = 0; chunk < count; ++chunk) {
        for (int64_t rank = 0; rank < ranks; ++rank) {
          const TokenChunks chunks = TokenChunks::of(tokens, wanted, ranks, rank);
          EXPECT_EQ(chunks.first_token(chunk), next);
          next += chunks.shard(chunk).size();
          EXPECT_EQ(chunks.shard(chunk).begin, chunk * chunks.shard_tokens() / count);
        }
        EXPECT_EQ(TokenChunks::of(tokens, wanted, ranks).whole(chunk).end, next);
      }
      EXPECT_EQ(next, tokens);
    }
  }
}

TEST(TokenChunks, AreAsManyAsFit) {
  EXPECT_EQ(TokenChunks::of(96, 4).count, 4);
  EXPECT_EQ(TokenChunks::of(96, 4, 8).count, 4);
  EXPECT_EQ(TokenChunks::of(96, 5).count, 4);      // 96 does not divide by 5
  EXPECT_EQ(TokenChunks::of(96, 4, 32).count, 3);  // each must be shared out to 32
  EXPECT_EQ(TokenChunks::of(20, 4).count, 2);      // no fewer than 8 rows
  EXPECT_EQ(TokenChunks::of(7, 4).count, 1);
}

std::string message_of(int64_t micro_batch_size, int64_t seq_length, int64_t ranks) {
  try {
    check_sequence_parallel(micro_batch_size, seq_length, ranks);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(SequenceParallel, NamesTheNearestLengthsThatDivide) {
  EXPECT_EQ(message_of(2, 10, 4), "no error");
  EXPECT_EQ(message_of(2, 9, 4),
            "parallel.sequence_parallel = true: the 18 tokens of a micro-batch (train.micro_batch_size = 2 x "
            "train.seq_length = 9) do not divide by parallel.tensor_model_parallel_size = 4; the nearest lengths that "
            "do are 8 and 10");
  EXPECT_NE(message_of(1, 3, 4).find("the nearest lengths that do are 4"), std::string::npos);
}

// Bytes that one more GPT-2 layer keeps, of s b tokens in 16 bits. Korthikanti et al. 2022, equations 2 and 4, have
// s b h (10 + 24/t) and s b h 34/t without what grows with the square of the sequence. Of the 10, two norms' inputs
// (4) are kept here too, not what they put out (4) nor masks (2); of the 24, q, k, v, the heads' output and the MLP's
// inner row before GELU (16), not the one after (8). Beside it, statistics of norms and of attention's rows.
TEST(StashBytes, AreThoseOfThePaperLessWhatIsComputedAgain) {
  ModelOptions model;
  model.hidden_size = 64;
  model.num_attention_heads = 8;
  model.vocab_size = 100;
  model.max_position_embeddings = 32;
  StepMemoryShape shape;
  shape.micro_batch_size = 2;
  shape.seq_length = 32;
  shape.compute = DType::bf16;
  const auto layer_bytes = [&] {
    ModelOptions deeper = model;
    ++deeper.num_layers;
    return stash_bytes(deeper, shape) - stash_bytes(model, shape);
  };
  const int64_t tokens = shape.micro_batch_size * shape.seq_length;
  const int64_t sbh = tokens * model.hidden_size;
  const int64_t norms = 2 * 2 * 4 * tokens;  // mean and rstd, f32
  const int64_t rows = model.num_attention_heads * 4 * tokens;
  for (const int64_t t : {1, 2, 4, 8}) {
    shape.tensor_parallel = {t, 0, false};
    EXPECT_EQ(layer_bytes(), sbh * (10 - 6) + sbh * (24 - 8) / t + norms + rows / t) << t;
    if (t == 1) continue;
    shape.tensor_parallel.sequence_parallel = true;
    EXPECT_EQ(layer_bytes(), sbh * (34 - 14) / t + norms / t + rows / t) << t;
  }
  // Full recomputation keeps a block's input: 2 s b h, or a shard of it.
  shape.recompute.granularity = RecomputeGranularity::full;
  EXPECT_EQ(layer_bytes(), 2 * sbh / 8);
}

}  // namespace
}  // namespace kumiko
