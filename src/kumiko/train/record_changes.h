// What a resume compares with the record of the run: options, tokenizer, data.
#pragma once

#include <filesystem>
#include <string>

#include "kumiko/train/config.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {

// Checksums for the record: of a tokenizer's files ("bytes" and "" stand for themselves), and of the indices of all
// training datasets. User error if a file cannot be read.
std::string tokenizer_checksum(const std::string& source);
std::string data_checksum(const DataOptions& options);

// A block that lists each option with another value than in the record, old -> new, and what follows from it: the
// learning rate of the next step, the order of the data. "" if nothing differs. Options that only say where this start
// runs or reads are left out. `now` is resolved.
std::string changes_text(const RunRecord& record, Config& now, const std::string& data_now, const std::string& origin);

// User error, naming both, if a run of `record` would go on with another tokenizer than it had.
void check_same_tokenizer(const RunRecord& record, const Config& now, const std::string& tokenizer_now,
                          const std::filesystem::path& checkpoint);

}  // namespace kumiko
