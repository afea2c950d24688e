#include "kumiko/model/rotary.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace kumiko {

std::vector<double> rotary_frequencies(const ModelOptions& options) {
  const int64_t head_size = options.head_size();
  const double low = options.rope_low_freq_factor;
  const double high = options.rope_high_freq_factor;
  std::vector<double> frequencies;
  for (int64_t pair = 0; pair < head_size / 2; ++pair) {
    const double power = static_cast<double>(2 * pair) / static_cast<double>(head_size);
    double frequency = std::pow(options.rotary_base, -power);
    if (options.use_rope_scaling) {
      const double turns =
          static_cast<double>(options.rope_original_max_position_embeddings) * frequency / (2 * std::numbers::pi);
      const double kept = std::clamp((turns - low) / (high - low), 0.0, 1.0);
      frequency *= kept + (1 - kept) / options.rope_scaling_factor;
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}

template <class Real>
static void fill_tables(const std::vector<double>& frequencies, const Tensor& cosine, const Tensor& sine) {
  Real* c = cosine.data<Real>();
  Real* s = sine.data<Real>();
  for (int64_t position = 0; position < cosine.shape()[0]; ++position) {
    for (const double frequency : frequencies) {
      const double angle = static_cast<double>(position) * frequency;
      *c++ = static_cast<Real>(std::cos(angle));
      *s++ = static_cast<Real>(std::sin(angle));
    }
  }
}

void Rotary::make_tables(Pass& pass, int64_t num_positions) {
  const int64_t known = cosine_ ? cosine_.shape()[0] : 0;
  if (num_positions <= known) return;
  // Text is generated a position at a time: twice as many at once keep that linear.
  const Shape shape = {std::max(num_positions, 2 * known), head_size_ / 2};
  cosine_ = pass.empty_statistic(shape, MemoryPurpose::workspace);
  sine_ = pass.empty_statistic(shape, MemoryPurpose::workspace);
  if (cosine_.dtype() == DType::f64) {
    fill_tables<double>(frequencies_, cosine_, sine_);
  } else {
    fill_tables<float>(frequencies_, cosine_, sine_);
  }
}

void Rotary::rotate(Pass& pass, int64_t num_heads, int64_t first_position, const HeadsView& x, bool inverse) {
  make_tables(pass, first_position + pass.sequence);
  RotaryShape shape;
  shape.batch = pass.batch;
  shape.num_rows = pass.sequence;
  shape.num_heads = num_heads;
  shape.head_size = head_size_;
  shape.first_position = first_position;
  pass.kernels.rotate(shape, x, cosine_, sine_, inverse);
}

}  // namespace kumiko
