// What ranks compare before they work together: what each was told, what it is, and what it reads. Local; compared by
// check_agreement (comm/agreement.h). docs/runs.md lists the facts.
#pragma once

#include <string>
#include <vector>

#include "kumiko/comm/agreement.h"
#include "kumiko/train/config.h"

namespace kumiko {

// Version and build of the program.
Fact program_fact();

// One fact an option.
std::vector<Fact> option_facts(Config& config);
std::vector<Fact> option_facts(const OptionTable& table);

// The files of a tokenizer (tokenizer/tokenizer.h) by their contents. User error as load_tokenizer gives it.
Fact tokenizer_fact(const std::string& source);

// One fact a dataset that the run reads: its index by its contents, its tokens by their number of bytes and by blocks
// here and there. User error if a file is missing.
std::vector<Fact> dataset_facts(const DataOptions& data, bool validates);

// What a folder holds for a run that reads its checkpoints: which steps, and which `latest` names, with the manifest's
// checksum. Never an error: what cannot be read is a value too.
Fact checkpoints_fact(const std::string& name, const std::string& folder);

}  // namespace kumiko
