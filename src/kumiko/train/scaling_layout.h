// The layouts that a scaling record runs: how many ranks on which axis, and what else of the section [parallel] differs
// between them. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kumiko/model/options.h"
#include "kumiko/train/options.h"

namespace kumiko {

// strong: the global batch is the same in all layouts. weak: the batch of a rank is.
enum class ScalingMode : uint8_t { strong, weak };
std::string_view name_of(ScalingMode mode);

struct ScalingLayout {
  int64_t data = 1;
  int64_t tensor = 1;
  std::vector<std::pair<std::string, std::string>> options;  // key and value, of [parallel]

  int64_t num_ranks() const { return data * tensor; }
  int64_t size(Axis axis) const { return axis == Axis::data ? data : axis == Axis::tensor ? tensor : 1; }
  // "4x2", "4x2:zero_stage=3"; what parse_layouts reads.
  std::string name() const;
  // `base` with this layout's sizes and options. User error for an option that [parallel] does not have, or
  // that all layouts must share (threads, binding, the emulated network).
  ParallelOptions apply(ParallelOptions base) const;
};

// "1x1,2x1,1x2:key=value:key": data x tensor, then options; a key alone means true. User error, naming the layout, for
// anything else.
std::vector<ScalingLayout> parse_layouts(const std::string& text);

// For 1, 2, 4, ... and `num_ranks` ranks: the data axis alone, and with tensor sizes of powers of two up to
// `most_tensor` into which the model can be cut.
std::vector<ScalingLayout> default_layouts(int64_t num_ranks, int64_t most_tensor, const ModelOptions& model);

// The least global batch that every layout can share out.
int64_t least_global_batch(const std::vector<ScalingLayout>& layouts, int64_t micro_batch_size);

}  // namespace kumiko
