#include "kumiko/data/sample_order.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/data/numpy_random.h"

namespace kumiko {

const char* split_name(Split split) {
  switch (split) {
    case Split::train:
      return "train";
    case Split::valid:
      return "valid";
    case Split::test:
      break;
  }
  return "test";
}

static std::vector<double> parse_split(std::string_view split) {
  std::vector<double> shares;
  for (const std::string& field : kumiko::split(split, ',')) {
    const std::string text(trim(field));
    char* end = nullptr;
    const double share = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !std::isfinite(share) || share < 0) {
      throw_user(
          "split \"{}\": \"{}\" is not a share; expected up to three numbers from 0 up, as in 990,9,1 for train, "
          "valid and test",
          split, text);
    }
    shares.push_back(share);
  }
  if (shares.size() > 3) {
    throw_user("split \"{}\" has {} shares; expected at most three, as in 990,9,1 for train, valid and test", split,
               shares.size());
  }
  shares.resize(3, 0.0);
  if (shares[0] + shares[1] + shares[2] == 0) {
    throw_user("split \"{}\" gives nothing to anyone; expected at least one share above 0, as in 990,9,1", split);
  }
  return shares;
}

std::array<SequenceRange, 3> split_ranges(std::string_view split, int64_t num_sequences) {
  const std::vector<double> shares = parse_split(split);
  const double total = numpy_sum(shares);
  std::array<SequenceRange, 3> ranges;
  double low = 0;
  for (size_t i = 0; i < ranges.size(); ++i) {
    const double high = low + shares[i] / total;
    if (high > low) {
      // nearbyint rounds half to even, as Python's round does.
      ranges[i].begin = static_cast<int64_t>(std::nearbyint(low * static_cast<double>(num_sequences)));
      ranges[i].end = static_cast<int64_t>(std::nearbyint(high * static_cast<double>(num_sequences)));
    }
    low = high;
  }
  return ranges;
}

EpochPlan plan_epochs(int64_t tokens_per_epoch, int64_t seq_length, int64_t num_samples) {
  EpochPlan plan;
  if (num_samples > 0) {
    const int64_t tokens_needed = num_samples * seq_length + 1;
    plan.num_epochs = (tokens_needed + tokens_per_epoch - 1) / tokens_per_epoch;
  }
  plan.num_samples = (plan.num_epochs * tokens_per_epoch - 1) / seq_length;
  plan.separate_from = plan.num_samples;
  if (plan.num_epochs > 1) {
    const int64_t without_final_epoch = ((plan.num_epochs - 1) * tokens_per_epoch - 1) / seq_length;
    const int64_t from_final_epoch = num_samples - without_final_epoch;
    const int64_t per_epoch = (tokens_per_epoch - 1) / seq_length;
    if (from_final_epoch < static_cast<int64_t>(0.80 * static_cast<double>(per_epoch))) {
      plan.separate_final_epoch = true;
      plan.separate_from = without_final_epoch;
    }
  }
  return plan;
}

SampleStart next_sample(UnalignedView<int32_t> sizes, const std::vector<int32_t>& document_index, int64_t seq_length,
                        SampleStart start) {
  int64_t remaining = seq_length + 1;
  while (true) {
    const int64_t available = sizes[document_index[static_cast<size_t>(start.position)]] - start.offset;
    if (available >= remaining) return {start.position, start.offset + remaining - 1};
    remaining -= available;
    start = {start.position + 1, 0};
  }
}

std::vector<SampleStart> build_sample_index(UnalignedView<int32_t> sizes, const std::vector<int32_t>& document_index,
                                            int64_t seq_length, int64_t num_samples, int64_t stride) {
  std::vector<SampleStart> index;
  index.reserve(static_cast<size_t>(num_samples / stride + 1));
  SampleStart start;
  for (int64_t sample = 0;; ++sample) {
    if (sample % stride == 0) index.push_back(start);
    if (sample == num_samples) return index;
    start = next_sample(sizes, document_index, seq_length, start);
  }
}

int64_t count_tokens(UnalignedView<int32_t> sizes, SequenceRange range) {
  int64_t tokens = 0;
  for (int64_t i = range.begin; i < range.end; ++i) tokens += sizes[i];
  return tokens;
}

// Sequences of `range` num_epochs times over, shuffled as one.
static void append_shuffled_epochs(SequenceRange range, int64_t num_epochs, NumpyRandomState& random,
                                   std::vector<int32_t>& document_index) {
  const size_t begin = document_index.size();
  for (int64_t epoch = 0; epoch < num_epochs; ++epoch) {
    for (int64_t i = range.begin; i < range.end; ++i) document_index.push_back(static_cast<int32_t>(i));
  }
  random.shuffle(std::span(document_index).subspan(begin));
}

SampleOrder build_sample_order(UnalignedView<int32_t> sizes, SequenceRange range, int64_t num_samples,
                               int64_t seq_length, int64_t seed) {
  SampleOrder order;
  order.epochs = plan_epochs(count_tokens(sizes, range), seq_length, num_samples);
  const EpochPlan& epochs = order.epochs;
  if (epochs.num_samples >= std::numeric_limits<uint32_t>::max() - 1) {
    throw_user(
        "{} samples in one run are more than the {} that can be ordered; train on fewer samples or a longer "
        "seq_length",
        epochs.num_samples, std::numeric_limits<uint32_t>::max() - 2);
  }
  if (range.end > std::numeric_limits<int32_t>::max()) {
    throw_user(
        "a dataset of {} sequences is larger than the {} that can be ordered; spread it over several datasets "
        "and blend them",
        range.end, std::numeric_limits<int32_t>::max());
  }
  NumpyRandomState random(seed);
  order.document_index.reserve(static_cast<size_t>(epochs.num_epochs * range.size()));
  const int64_t shuffled_together = epochs.num_epochs - (epochs.separate_final_epoch ? 1 : 0);
  append_shuffled_epochs(range, shuffled_together, random, order.document_index);
  if (epochs.separate_final_epoch) append_shuffled_epochs(range, 1, random, order.document_index);

  order.shuffle_index.resize(static_cast<size_t>(epochs.num_samples));
  std::iota(order.shuffle_index.begin(), order.shuffle_index.end(), 0U);
  const std::span<uint32_t> shuffle_index(order.shuffle_index);
  random.shuffle(shuffle_index.first(static_cast<size_t>(epochs.separate_from)));
  random.shuffle(shuffle_index.subspan(static_cast<size_t>(epochs.separate_from)));
  return order;
}

}  // namespace kumiko
