// Small messages between the ranks that save together. (Whether all of them are well: comm/agreement.h.)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kumiko/comm/communicator.h"

namespace kumiko {

std::vector<int64_t> all_gather_number(Communicator& ranks, int64_t number);

// `root`'s text on every rank.
std::string broadcast_text(Communicator& ranks, std::string text, int root);

// By rank on `root`; empty elsewhere.
std::vector<std::string> gather_texts(Communicator& ranks, const std::string& text, int root);

}  // namespace kumiko
