#include "kumiko/data/sample_source.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/data/blend.h"
#include "kumiko/data/gpt_dataset.h"
#include "kumiko/data/indexed_dataset.h"

namespace kumiko {
namespace {

// Tokens looked at before a run starts, so that a wrong vocabulary is normally found then and not hours later.
constexpr int64_t vocabulary_check_tokens = int64_t{1} << 24;

class Maker {
 public:
  Maker(const DataOptions& options, const SampleRequest& request) : options_(options), request_(request) {}

  // The request's split of one dataset; `planned` as for GptDataset.
  std::unique_ptr<SampleSource> single(const std::string& prefix, const std::vector<int64_t>& planned) const {
    auto dataset = std::make_shared<const IndexedDataset>(prefix);
    if (request_.vocab_size > 0) dataset->check_vocabulary(request_.vocab_size, vocabulary_check_tokens);
    const SequenceRange range = this->range(*dataset);
    const int64_t tokens = count_tokens(dataset->sizes(), range);
    if (tokens == 0) throw_empty_split(*dataset, range);
    if (planned.empty() && tokens <= request_.seq_length) {
      throw_user(
          "the {} split of {} has {} tokens, fewer than one sample of seq_length {} + 1; give the datasets "
          "weights, so that they are repeated, or leave this one out",
          split_name(request_.split), prefix, tokens, request_.seq_length);
    }
    return std::make_unique<GptDataset>(std::move(dataset), range, planned, request_.seq_length, request_.seed,
                                        request_.vocab_size);
  }

  std::vector<int64_t> planned() const {
    return request_.planned.empty() ? std::vector<int64_t>{request_.num_samples} : request_.planned;
  }

  // Each dataset gives its share of samples, repeated as often as that takes.
  std::unique_ptr<SampleSource> weighted(const Blend& blend) const {
    const std::vector<double> weights = normalize_weights(blend.weights);
    std::vector<std::unique_ptr<SampleSource>> sources;
    int64_t total = 0;
    for (size_t d = 0; d < weights.size(); ++d) {
      std::vector<int64_t> shares;
      for (const int64_t planned : this->planned()) shares.push_back(blend_size(weights[d], planned).built);
      sources.push_back(single(blend.prefixes[d], shares));
      total += blend_size(weights[d], request_.num_samples).used;
    }
    // Normalised once more, as there: the sum of the normalised weights may differ from 1 in the last bit.
    return std::make_unique<BlendedDataset>(std::move(sources), normalize_weights(weights), total);
  }

  // Each dataset gives one epoch, in proportion to its number of samples.
  std::unique_ptr<SampleSource> unweighted(const Blend& blend) const {
    std::vector<std::unique_ptr<SampleSource>> sources;
    std::vector<double> weights;
    int64_t held = 0;
    for (const std::string& prefix : blend.prefixes) {
      sources.push_back(single(prefix, {}));
      weights.push_back(static_cast<double>(sources.back()->num_samples()));
      held += sources.back()->num_samples();
    }
    if (held < request_.num_samples) {
      throw_user(
          "the {} split of {} datasets without weights holds {} samples, and datasets without weights are not "
          "repeated, but the run needs {}; give each dataset a weight (weight prefix weight prefix ...), or "
          "train for fewer steps",
          split_name(request_.split), sources.size(), held, request_.num_samples);
    }
    return std::make_unique<BlendedDataset>(std::move(sources), normalize_weights(weights), request_.num_samples);
  }

 private:
  SequenceRange range(const IndexedDataset& dataset) const {
    if (options_.per_split()) return {0, dataset.num_sequences()};
    return split_ranges(options_.split, dataset.num_sequences())[static_cast<size_t>(request_.split)];
  }

  [[noreturn]] void throw_empty_split(const IndexedDataset& dataset, SequenceRange range) const {
    if (range.size() > 0) {
      throw_user("the {} split of {} has {} sequences but no tokens", split_name(request_.split), dataset.prefix(),
                 range.size());
    }
    if (options_.per_split()) throw_user("the dataset {} is empty", dataset.prefix());
    throw_user(
        "the {0} split of {1} is empty: \"{2}\" leaves it none of the {3} sequences; give {0} a larger share, or "
        "build the dataset from more documents (`kumiko data build --split-on blank-line` or `line` makes more "
        "of a text file)",
        split_name(request_.split), dataset.prefix(), options_.split, dataset.num_sequences());
  }

  const DataOptions& options_;
  const SampleRequest& request_;
};

}  // namespace

std::unique_ptr<SampleSource> make_sample_source(const DataOptions& options, const SampleRequest& request) {
  options.validate();
  if (request.num_samples < 1) throw_internal("{} samples were requested", request.num_samples);
  if (request.seq_length < 1) throw_user("seq_length {}: expected at least 1", request.seq_length);
  const std::vector<std::string>& path = options.path_for(request.split);
  if (path.empty()) {
    throw_user("there is no data for the {0} split: give {0}_data_path", split_name(request.split));
  }
  const Blend blend = parse_blend(path);
  const Maker maker(options, request);
  // Where each split has its own list, the weight of a single dataset says nothing.
  if (blend.prefixes.size() == 1 && (blend.weights.empty() || options.per_split())) {
    return maker.single(blend.prefixes[0], maker.planned());
  }
  return blend.weights.empty() ? maker.unweighted(blend) : maker.weighted(blend);
}

}  // namespace kumiko
