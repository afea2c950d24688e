// Published models by name.
#pragma once

#include <string>
#include <vector>

#include "kumiko/model/options.h"

namespace kumiko {

// Sets architecture, layers, sizes, vocabulary and positions to those of a published model. User error, listing the
// names, if there is none of that name.
void apply_preset(ModelOptions& options, const std::string& name);
std::vector<std::string> preset_names();

}  // namespace kumiko
