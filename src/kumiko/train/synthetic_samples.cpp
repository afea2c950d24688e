#include "kumiko/train/synthetic_samples.h"

#include <limits>

#include "kumiko/base/random.h"

namespace kumiko {
namespace {

class SyntheticSamples final : public SampleSource {
 public:
  explicit SyntheticSamples(int64_t vocab_size) : vocab_size_(static_cast<uint64_t>(vocab_size)) {}

  int64_t num_samples() const override { return std::numeric_limits<int64_t>::max(); }
  void sample(int64_t index, std::span<int32_t> tokens) const override {
    const PhiloxKey key = random_key(0, RandomStream::test, static_cast<uint64_t>(index));
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<int32_t>(random_bits(key, i) % vocab_size_);
  }

 private:
  uint64_t vocab_size_;
};

}  // namespace

std::unique_ptr<SampleSource> make_synthetic_samples(int64_t vocab_size) {
  return std::make_unique<SyntheticSamples>(vocab_size);
}

}  // namespace kumiko
