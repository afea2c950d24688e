// The outermost frame of a program that runs on many ranks.
#pragma once

#include <functional>
#include <memory>

#include "kumiko/comm/communicator.h"

namespace kumiko {

// Connects the world, runs `body`, and returns its exit code. If `body` throws, the log says on which rank and why, and
// every rank of the job ends, with the exit code of that kind of error (base/error.h). Where all ranks fail alike, the
// message of rank 0 stands for all; of a SharedError (comm/agreement.h) all of them end in order.
int run_in_world(const std::function<int(World&)>& body, std::shared_ptr<MemoryPool> pool = MemoryPool::create(),
                 const CommunicationOptions& options = {});

// The same of a program that learns from files and its command line how it communicates: `prepare` does that, before
// the world is connected. What it throws on any rank ends all of them in order, with a message that names the ranks.
int run_in_world(const std::function<CommunicationOptions()>& prepare, const std::function<int(World&)>& body,
                 std::shared_ptr<MemoryPool> pool);

}  // namespace kumiko
