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

}  // namespace kumiko
