// Random tokens in place of data, for benchmarks: no files, and the same samples on every rank and in every layout.
#pragma once

#include <memory>

#include "kumiko/data/sample_source.h"

namespace kumiko {

// Without end: any index is a sample, its tokens drawn evenly from the vocabulary.
std::unique_ptr<SampleSource> make_synthetic_samples(int64_t vocab_size);

}  // namespace kumiko
