// Where a run continues, and what it may overwrite: the one rule, as a function of what was asked for and of what the
// folders hold. docs/runs.md says it in words.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kumiko {

// From where a run took its state when it did not go on in its own folder. Kept in its checkpoints from then on, so
// that the same command, started again, knows the run that it has begun.
struct RunOrigin {
  std::string load;               // checkpoint.load, as its plain path
  std::string manifest_checksum;  // of the checkpoint that was taken
};

// What a folder holds of a run.
struct FolderFacts {
  std::string name;            // as the user wrote it
  std::filesystem::path path;  // the plain one
  bool exists = false;
  bool is_checkpoint = false;           // it is itself one checkpoint, which stands in `path.parent_path()`
  std::vector<int64_t> steps;           // whole checkpoints, ascending; of a checkpoint: its own
  std::optional<int64_t> latest;        // what `latest` says
  bool latest_by_hand = false;          // it says no checksum, so a person wrote it
  bool newest_is_after_latest = false;  // the newest checkpoint was written later than `latest` was
  std::vector<std::string> damaged;     // directories of steps without a manifest
  std::vector<std::string> traces;      // what else a run left that must not be lost: metrics.jsonl, tensorboard ...
  std::string nearby;                   // for messages: what is there instead, or what has a similar name

  // Of the checkpoint that a start would take (chosen_step):
  std::string manifest_checksum;
  std::optional<RunOrigin> origin;
  bool began_anew = false;  // by a command with checkpoint.start_anew

  bool holds_checkpoints() const { return !steps.empty() || latest.has_value(); }
  bool holds_run() const { return holds_checkpoints() || !traces.empty(); }
};

// The step that a start in this folder takes: the one that `latest` names; the newest if `latest` is missing, or if the
// process died between the two names of a save. None if there is no checkpoint.
std::optional<int64_t> chosen_step(const FolderFacts& folder);

struct ContinuationFacts {
  std::optional<FolderFacts> load;  // none: the option is empty
  std::optional<FolderFacts> save;
  std::optional<FolderFacts> logging;  // where metrics go, if that is not checkpoint.save
  bool finetune = false;
  bool start_anew = false;
};

struct Continuation {
  enum class Kind { begin, resume, take_weights };
  Kind kind = Kind::begin;
  std::filesystem::path checkpoint;  // to be opened; none where a run begins
  int64_t step = 0;                  // that it goes on from
  bool from_elsewhere = false;       // the record is to name `checkpoint` as the run's origin
  std::vector<int64_t> later_steps;  // of checkpoint.save, to be set aside first: those of the way that is left
  bool clears_save = false;          // everything of the old run is to be set aside first
  bool clears_logging = false;
  std::vector<std::string> infos;  // to be said
  std::vector<std::string> warnings;
};

// User error where the options and the folders do not say one thing.
Continuation decide_continuation(const ContinuationFacts& facts);

}  // namespace kumiko
