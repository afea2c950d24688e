// The record of a run for a person.
#pragma once

#include <string>

namespace kumiko {

// Rows of what was trained and how long, then the configuration as TOML. `state` is what a checkpoint has beside its
// tensors; user error, naming `origin`, if it is not the record of a run.
std::string describe_run(const std::string& state, const std::string& origin);

}  // namespace kumiko
