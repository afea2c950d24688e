// Rotary position embedding (Su et al. 2021): the angles by which pairs of a head's elements are turned.
#pragma once

#include <vector>

#include "kumiko/model/options.h"
#include "kumiko/model/pass.h"

namespace kumiko {

// Radians a position for each of the D/2 pairs: base^(-2 d / D), changed by Llama 3.1's rule if the options say so:
// frequencies below low_freq_factor turns in the original context are divided by the scaling factor, those above
// high_freq_factor turns stay, and between the two lies a linear blend.
std::vector<double> rotary_frequencies(const ModelOptions& options);

// Cosines and sines by position, shared by all layers of a model.
class Rotary {
 public:
  explicit Rotary(const ModelOptions& options)
      : frequencies_(rotary_frequencies(options)), head_size_(options.head_size()) {}

  // Turns the heads of `x` in place, from `first_position` on; back again if `inverse`.
  void rotate(Pass& pass, int64_t num_heads, int64_t first_position, const HeadsView& x, bool inverse);

 private:
  // Makes tables of at least so many positions, when they are first wanted and when longer sequences come.
  void make_tables(Pass& pass, int64_t num_positions);

  std::vector<double> frequencies_;
  int64_t head_size_;
  Tensor cosine_;  // [P, D/2]
  Tensor sine_;
};

}  // namespace kumiko
