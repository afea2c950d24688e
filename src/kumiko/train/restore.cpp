#include "kumiko/train/restore.h"

#include "kumiko/base/log.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {
namespace {

// The weights alone, for a run that begins.
void take_weights(Run& run) {
  CheckpointReader reader = CheckpointReader::open(run.start.checkpoint);
  const std::string origin = reader.path().string();
  check_same_model(run_record_from_json(reader.manifest().state, origin), run.config, origin);
  load_pieces(reader, weight_pieces_of(run.state));
  weights_changed(run.state, *run.kernels);
  if (run.world.rank() == 0) log::info("fine-tuning: the weights are those of {}", origin);
}

void resume(Run& run) {
  CheckpointReader reader = CheckpointReader::open(run.start.checkpoint);
  const std::string origin = reader.path().string();
  const RunRecord record = run_record_from_json(reader.manifest().state, origin);
  const std::vector<SavedPiece> pieces = pieces_of(run.state);
  check_resumable(reader.manifest(), record, pieces, origin);
  check_same_run(record, run.config, origin);
  load_pieces(reader, pieces);
  run.state.step = record.step;
  run.state.updates = record.updates;
  if (record.loss_scale) run.state.loss_scale.restore(*record.loss_scale);
  weights_changed(run.state, *run.kernels);
  run.resumed_from = origin;
}

}  // namespace

void restore(Run& run) {
  if (run.start.kind == Continuation::Kind::resume) return resume(run);
  if (run.start.kind == Continuation::Kind::take_weights) take_weights(run);
}

}  // namespace kumiko
