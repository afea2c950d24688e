// For tests/reference/check_dataset.py: prints the samples of a split as training takes them, a JSON line each. Not
// installed, not run by ctest.
#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "kumiko/base/text.h"
#include "kumiko/data/document_mask.h"
#include "kumiko/data/sample_source.h"

namespace kumiko {
namespace {

void print_samples(const DataOptions& options, const SampleRequest& request, int32_t end_of_document) {
  const auto source = make_sample_source(options, request);
  std::vector<int32_t> sample(static_cast<size_t>(request.seq_length + 1));
  for (int64_t i = 0; i < source->num_samples(); ++i) {
    source->sample(i, sample);
    const std::vector<int32_t> tokens(sample.begin(), sample.end() - 1);
    std::vector<int32_t> targets(sample.begin() + 1, sample.end());
    std::vector<int32_t> first_keys(tokens.size());
    std::vector<int32_t> positions(tokens.size());
    document_first_keys(tokens, end_of_document, first_keys);
    document_positions(tokens, end_of_document, positions);
    mask_targets_of_ends(tokens, end_of_document, targets);
    fmt::print("{{\"tokens\":[{}],\"targets\":[{}],\"first_keys\":[{}],\"positions\":[{}]}}\n", fmt::join(tokens, ","),
               fmt::join(targets, ","), fmt::join(first_keys, ","), fmt::join(positions, ","));
  }
}

}  // namespace
}  // namespace kumiko

int main(int argc, char** argv) {
  using namespace kumiko;
  if (argc != 8) {
    fmt::print(stderr, "dump_samples DATA_PATH,... SPLIT train|valid|test NUM_SAMPLES SEQ_LENGTH SEED EOD\n");
    return 2;
  }
  try {
    DataOptions options;
    options.data_path = split(argv[1], ',');
    options.split = argv[2];
    const std::string which = argv[3];
    SampleRequest request;
    request.split = which == "train" ? Split::train : which == "valid" ? Split::valid : Split::test;
    request.num_samples = std::atoll(argv[4]);
    request.seq_length = std::atoll(argv[5]);
    request.seed = std::atoll(argv[6]);
    print_samples(options, request, std::atoi(argv[7]));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
