// How a benchmark communicates, by the names that the options have in a configuration's [parallel].
#pragma once

#include "kumiko/comm/options.h"

namespace CLI {
class App;
}

namespace kumiko {

// --emulated-latency, --check-communication and the others. `options` must outlive `command`.
void add_communication_options(CLI::App& command, CommunicationOptions& options);

}  // namespace kumiko
