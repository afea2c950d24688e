// Published models by name.
#pragma once

#include <string>
#include <vector>

#include "kumiko/model/options.h"

namespace kumiko {

// Sets every option to that of a published model, or to its default. User error, listing the names, if there is none of
// that name.
void apply_preset(ModelOptions& options, const std::string& name);
std::vector<std::string> preset_names();

// What other options have made of the preset that `options` name, as "num_layers 3 (12)"; nothing without a preset.
std::vector<std::string> changes_to_preset(const ModelOptions& options);

}  // namespace kumiko
