// The beginning of a run in its folders: who may write there, where it continues, and what is set aside first. Rank 0
// looks and decides; all ranks get the one answer, or the one error.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kumiko/base/file_lock.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/train/config.h"
#include "kumiko/train/continuation.h"

namespace kumiko {

struct RunStart {
  Continuation::Kind kind = Continuation::Kind::begin;
  std::string checkpoint;                // to be opened; empty where a run begins
  std::optional<RunOrigin> origin;       // for the record
  std::vector<int64_t> planned_samples;  // for the record and the order of the data: SampleRequest
  std::string tokenizer;                 // checksums for the record
  std::string data;
  // Of rank 0 alone:
  Continuation continuation;
  std::vector<std::unique_ptr<FileLock>> locks;  // of checkpoint.save and logging.run_dir, until the run ends
};

// Collective; nothing but locks is written yet. `config` is resolved; `num_samples` is what this start trains on, with
// what came before it. User error on every rank if a folder belongs to another run or is in use, if there is nothing to
// load, or if the tokenizer is not the run's.
RunStart begin_start(Config& config, int64_t num_samples, Communicator& ranks);

// Collective, once everything else is known to be well: sets aside what the decision says, and keeps the tokenizer.
void prepare_folders(const Config& config, const RunStart& start, Communicator& ranks);

}  // namespace kumiko
