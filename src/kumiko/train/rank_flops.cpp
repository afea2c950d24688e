#include "kumiko/train/rank_flops.h"

namespace kumiko {
namespace {

// Of all that a whole model would do in the step.
struct Share {
  double blocks = 1;
  double head = 1;
};

Share share_of(const Run& run) {
  if (!run.pipeline) return {};
  const Model& model = run.state.model;
  const auto all = static_cast<double>(run.pipeline->schedule.num_micro_batches());
  Share share{0, 0};
  for (const Action& action : run.pipeline->program.actions) {
    if (action.kind != ActionKind::forward) continue;
    const ModelStage& stage = model.stage(action.stage);
    const bool first = action.stage == 0;
    const bool last = action.stage + 1 == run.pipeline->schedule.num_stages();
    const int num_blocks = stage.end - stage.begin - (first ? 1 : 0) - (last ? 1 : 0);
    share.blocks += num_blocks / (static_cast<double>(model.options().num_layers) * all);
    if (last) share.head += 1 / all;
  }
  return share;
}

}  // namespace

std::map<RegionRow, double> rank_flops(const Run& run) {
  const int64_t num_sequences = run.layout.micro_batch_size * run.layout.num_micro_batches();
  std::map<RegionRow, double> flops = flops_by_region(run.shape(), num_sequences, run.tensor_parallel());
  const Share share = share_of(run);
  for (auto& [row, count] : flops) {
    const bool head = row == RegionRow::forward_head_and_loss || row == RegionRow::backward_head_and_loss;
    count *= head ? share.head : share.blocks;
  }
  return flops;
}

}  // namespace kumiko
