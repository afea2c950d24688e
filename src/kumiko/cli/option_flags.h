// Options of a configuration that a command has too, as flags of the same names.
#pragma once

#include <memory>

#include "kumiko/base/options.h"

namespace CLI {
class App;
}

namespace kumiko {

// "--sequence-parallel VALUE" for the option sequence_parallel of any section. `table` must be of fields that outlive
// `command`.
void add_option_flag(CLI::App& command, const std::shared_ptr<OptionTable>& table, const Option& option);

}  // namespace kumiko
