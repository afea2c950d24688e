#include "kumiko/train/restore.h"

#include <filesystem>

#include "kumiko/base/log.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/train/kept_tokenizer.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {
namespace {

// The weights alone of the newest checkpoint of checkpoint.load, for a run that begins.
void take_weights(Run& run) {
  const CheckpointingOptions& options = run.config.checkpoint;
  CheckpointReader reader = CheckpointReader::open(options.load);
  const std::string origin = reader.path().string();
  check_same_model(run_record_from_json(reader.manifest().state, origin), run.config, origin);
  load_pieces(reader, weight_pieces_of(run.state));
  weights_changed(run.state, *run.kernels);
  if (run.world.rank() != 0) return;
  log::info("fine-tuning: the weights are those of {}", origin);
  if (!options.save.empty() && run.config.data.tokenizer.empty()) {
    keep_companions(reader.path().parent_path(), options.save);
  }
}

// Restores the newest checkpoint of `directory`, if there is one.
void resume_from(Run& run, const std::string& directory) {
  if (!read_latest(directory)) {
    if (run.world.rank() == 0) log::info("no checkpoint in {}: training from the beginning", directory);
    return;
  }
  CheckpointReader reader = CheckpointReader::open(directory);
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
  const CheckpointingOptions& options = run.config.checkpoint;
  if (options.load.empty()) return;
  if (!options.finetune) return resume_from(run, options.load);
  // The same command starts and, after an interruption, goes on.
  const bool begun = !options.save.empty() && std::filesystem::exists(options.save) && read_latest(options.save);
  begun ? resume_from(run, options.save) : take_weights(run);
}

}  // namespace kumiko
