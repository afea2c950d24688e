#include "kumiko/model/recompute.h"

#include <algorithm>

#include "kumiko/base/error.h"

namespace kumiko {

void RecomputeOptions::describe(OptionTable& table) {
  table.add_choice("recompute_granularity", granularity, {"none", "selective", "full"},
                   "what the backward computes again to save memory: nothing, attention, whole blocks");
  table.add_choice("recompute_method", method, {"uniform", "block"},
                   "of full: keep the input of every recompute_num_layers-th block, or recompute the first "
                   "recompute_num_layers blocks");
  table.add("recompute_num_layers", num_layers, "blocks, as recompute_method says");
}

void RecomputeOptions::validate(int64_t model_layers) const {
  if (num_layers < 1 || num_layers > model_layers) {
    throw_user("train.recompute_num_layers = {}: expected 1 to model.num_layers = {}", num_layers, model_layers);
  }
}

std::vector<BlockSpan> block_spans(const RecomputeOptions& options, int64_t num_layers) {
  if (options.granularity != RecomputeGranularity::full) return {{0, num_layers, false}};
  const bool uniform = options.method == RecomputeMethod::uniform;
  const int64_t length = uniform ? options.num_layers : 1;
  const int64_t end = uniform ? num_layers : std::min(options.num_layers, num_layers);
  std::vector<BlockSpan> spans;
  for (int64_t begin = 0; begin < end; begin += length) {
    spans.push_back({begin, std::min(begin + length, num_layers), true});
  }
  if (end < num_layers) spans.push_back({end, num_layers, false});
  return spans;
}

}  // namespace kumiko
