// The order in which a GPT sees its training text, as pure functions of sizes and a seed: Megatron's, exactly. The
// sequences of a split are repeated for as many epochs as needed, shuffled, and read as one stream of tokens; sample k
// is the seq_length + 1 tokens from k * seq_length on (neighbours share one token); the samples are shuffled in turn.
// Nothing here knows how many ranks there are.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "kumiko/data/unaligned_view.h"

namespace kumiko {

enum class Split { train, valid, test };

const char* split_name(Split split);

// Sequences [begin, end) of a dataset.
struct SequenceRange {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

// "990,9,1" shares num_sequences out to train, valid and test: normalised, accumulated, rounded half to even. Missing
// parts are zero. User error unless there are one to three numbers, none negative, not all zero.
std::array<SequenceRange, 3> split_ranges(std::string_view split, int64_t num_sequences);

// How many passes over the data a number of samples takes, and how they are shuffled.
struct EpochPlan {
  int64_t num_epochs = 1;
  int64_t num_samples = 0;  // that the epochs hold: at least the number requested
  // If the last epoch is used to less than 80 %, it is shuffled apart from the others: samples [0, separate_from) are
  // drawn first. Otherwise all epochs are shuffled as one, and separate_from == num_samples.
  int64_t separate_from = 0;
  bool separate_final_epoch = false;
};

// For `num_samples` >= 1 samples, or one epoch where num_samples is 0. tokens_per_epoch >= 1, seq_length >= 1.
EpochPlan plan_epochs(int64_t tokens_per_epoch, int64_t seq_length, int64_t num_samples);

// Where in the stream a sample starts: a position in the document index, and the token offset in that sequence.
struct SampleStart {
  int64_t position = 0;
  int64_t offset = 0;
  friend bool operator==(const SampleStart&, const SampleStart&) = default;
};

// Where the sample after the one that begins at `start` begins. The stream must hold that sample's seq_length + 1
// tokens.
SampleStart next_sample(UnalignedView<int32_t> sizes, const std::vector<int32_t>& document_index, int64_t seq_length,
                        SampleStart start);

// The starts of samples 0, stride, 2 stride, ... up to num_samples (inclusive: the end of the last sample is the start
// of the one after). With stride 1 this is Megatron's sample_index.
std::vector<SampleStart> build_sample_index(UnalignedView<int32_t> sizes, const std::vector<int32_t>& document_index,
                                            int64_t seq_length, int64_t num_samples, int64_t stride = 1);

// Megatron's document_index and shuffle_index, drawn in this order from one generator.
struct SampleOrder {
  EpochPlan epochs;
  std::vector<int32_t> document_index;  // sequence numbers, num_epochs * range.size() of them
  std::vector<uint32_t> shuffle_index;  // the i-th sample drawn is sample shuffle_index[i] of the stream
};

// `sizes` are the tokens per sequence of the whole dataset; `range` must hold at least one token. num_samples as for
// plan_epochs. User error, naming the number, past 2^32 - 2 samples or 2^31 - 1 sequences.
SampleOrder build_sample_order(UnalignedView<int32_t> sizes, SequenceRange range, int64_t num_samples,
                               int64_t seq_length, int64_t seed);

// Tokens in the sequences of `range`.
int64_t count_tokens(UnalignedView<int32_t> sizes, SequenceRange range);

}  // namespace kumiko
