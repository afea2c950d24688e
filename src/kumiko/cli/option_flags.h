// Options of a configuration that a command has too, as flags of the same names.
#pragma once

#include <memory>

#include "kumiko/base/options.h"

namespace CLI {
class App;
}

namespace kumiko {

// "--rank-order VALUE" for the option rank_order of any section. `table` must be of fields that outlive
// `command`.
void add_option_flag(CLI::App& command, const std::shared_ptr<OptionTable>& table, const Option& option);

}  // namespace kumiko
