// Small messages between the ranks that save together: texts, and whether all of them are well.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kumiko/comm/communicator.h"

namespace kumiko {

std::vector<int64_t> all_gather_number(Communicator& ranks, int64_t number);

// `root`'s text on every rank.
std::string broadcast_text(Communicator& ranks, std::string text, int root);

// By rank on `root`; empty elsewhere.
std::vector<std::string> gather_texts(Communicator& ranks, const std::string& text, int root);

// Runs `action` on every rank. If it throws on any, it ends on all of them with the error of the first such rank, which
// the message names; so no rank waits for one that has given up. Also a barrier.
void together(Communicator& ranks, const std::function<void()>& action);

}  // namespace kumiko
