// What an operation puts on the wire: how many steps its algorithm takes, and the bytes that a rank sends and receives.
// A pure function of the operation, so that an emulated network knows how long a real one would take.
#pragma once

#include "kumiko/comm/algorithms.h"
#include "kumiko/comm/operation.h"

namespace kumiko {

struct WireCost {
  int64_t steps = 0;  // in each of which messages are on their way at the same time; each waits for the one before
  int64_t sent = 0;   // bytes, by the rank that sends the most
  int64_t received = 0;
};

// Of `operation` among `size` ranks, as run_collective (comm/algorithms.h) carries it out. For a tensor of n bytes that
// divides evenly: all_reduce 2 n (p-1)/p each way; reduce_scatter, all_gather and all_to_all n (p-1)/p; reduce sends n
// and receives 2 n (p-1)/p at its root; broadcast sends n ceil(log2 p) from its root; a send or receive n, one way.
WireCost wire_cost(const Operation& operation, int size, const AlgorithmOptions& options = {});

// Seconds until the last byte has come, on a link of that latency (seconds) and bandwidth (bytes a second; 0: no limit)
// that carries nothing else.
double link_seconds(const WireCost& cost, double latency, double bandwidth);

}  // namespace kumiko
