// Small things that ranks tell each other at start-up and in reports. Not for data: everything here waits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kumiko/comm/communicator.h"

namespace kumiko {

// Every rank's text, in rank order, on every rank. Collective.
std::vector<std::string> gather_text(Communicator& communicator, const std::string& text);

// Collective. User error on every rank unless all have the same `text`: names `what`, which ranks differ from rank 0,
// and the first line in which the first of them does.
void check_agreement(Communicator& communicator, std::string_view what, const std::string& text);

}  // namespace kumiko
