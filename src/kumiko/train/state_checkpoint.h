// What a training run keeps in a checkpoint, and how it comes back. Everything that is a pure function of the step (the
// learning rate, the order of the data, dropout masks) needs no record but the step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kumiko/checkpoint/reader.h"
#include "kumiko/checkpoint/writer.h"
#include "kumiko/train/config.h"
#include "kumiko/train/continuation.h"
#include "kumiko/train/step.h"

namespace kumiko {

// A run's record beside the tensors.
struct RunRecord {
  int64_t step = 0;
  int64_t updates = 0;
  int64_t consumed_samples = 0;
  int64_t consumed_tokens = 0;
  std::string config;                        // TOML, resolved
  std::optional<LossScaleState> loss_scale;  // of a dynamic one
  // Older records have none of these.
  std::optional<RunOrigin> origin{};       // where it came from, if not from its own folder
  bool began_anew = false;                 // checkpoint.start_anew
  std::vector<int64_t> planned_samples{};  // samples in all, as each start planned them: SampleRequest
  std::string tokenizer{};                 // checksum of its files, "bytes", or empty for none
  std::string data{};                      // checksum of the indices of the training data
};

std::string to_json(const RunRecord& record);
// User error, naming `origin`, if it is not a record.
RunRecord run_record_from_json(const std::string& text, const std::string& origin);

// The configuration in a record: sizes that a model can have, and that the tensors of `manifest` can be the weights of.
// User error, naming `origin` and the option, otherwise. (load_pieces() compares every shape.)
Config config_of(const RunRecord& record, const Manifest& manifest, const std::string& origin);

// What several ranks of the tensor or pipeline axis hold: each of them, to be loaded, or the first alone, to be saved.
// (The shards of such ranks may be cut at different places, so their boxes need not be equal.)
enum class Copies : uint8_t { all, first };

// The boxes this rank holds: parameters under their logical names, and what the optimizer remembers of each under
// "optimizer.first_moment." + name and so on.
std::vector<SavedPiece> pieces_of(const TrainingState& state, Copies copies = Copies::all);
// Parameters only.
std::vector<SavedPiece> weight_pieces_of(const TrainingState& state, Copies copies = Copies::all);
std::vector<SavedPiece> pieces_of(const ParameterRegistry& parameters, Copies copies = Copies::all);

// Fills the pieces' tensors from a checkpoint. User error, listing every tensor that is missing or has another shape.
void load_pieces(CheckpointReader& reader, const std::vector<SavedPiece>& pieces);

// User error, saying what to do, if the pieces are those of a run and the checkpoint holds weights alone: as imported
// ones do, and those of an optimizer that keeps nothing.
void check_resumable(const Manifest& manifest, const RunRecord& record, const std::vector<SavedPiece>& pieces,
                     const std::string& origin);

// User error, listing every option that differs, if `record` is of a model that computes something else than this one.
void check_same_model(const RunRecord& record, Config& config, const std::string& origin);

// User error, listing every option that differs, if `record` was made by a run whose steps would not continue as this
// one's: another model, seed, batch or sequence length.
void check_same_run(const RunRecord& record, Config& config, const std::string& origin);

}  // namespace kumiko
