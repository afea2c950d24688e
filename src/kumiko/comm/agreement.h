// What ranks tell each other at start-up and in reports: texts, whether all of them are well, and whether all of them
// were told and have read the same. Not for data: everything here waits.
//
// A comparison costs one reduction of two numbers. Only where ranks differ they exchange more, and what they exchange
// does not grow with what they compare: for each of a few facts a number of each rank, and a few values.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/comm/communicator.h"

namespace kumiko {

// Every rank's text, in rank order, on every rank. Collective.
std::vector<std::string> gather_text(Communicator& communicator, const std::string& text);

// An error that every rank of a job throws at the same place, so that none waits for another: all of them can end in
// order, and one of them speaks for all (comm/run.h).
class SharedError : public Error {
 public:
  using Error::Error;
  explicit SharedError(const Error& error) : Error(error.kind(), error.what()) {}
};

// Collective. Runs `action` on every rank, which must not communicate. If it throws on any rank, all of them throw a
// SharedError of the first one's kind that says which ranks failed, where (by `infos`, of the ranks of the communicator
// in their order, if given) and why; if all of them failed alike, just why. Also a barrier.
void together(Communicator& ranks, const std::function<void()>& action, std::span<const RankInfo> infos = {});

// One thing that must be the same on every rank.
struct Fact {
  std::string name;    // "optimizer.lr", "the index of the dataset runs/data"
  std::string value;   // "0.1", "checksum 0123456789abcdef"
  std::string advice;  // what to do where ranks differ: a sentence
};

// Collective. SharedError of the user's kind unless the facts of all ranks have the same values: names the facts, each
// value with the ranks and hosts that have it, and what to do. Facts are compared by name; one that a rank lacks has
// the value "(unknown)" there.
void check_agreement(Communicator& ranks, std::span<const Fact> facts, std::span<const RankInfo> infos = {});

// Collective. Whether all ranks have the same facts, by the same reduction.
bool agreed(Communicator& ranks, std::span<const Fact> facts);

}  // namespace kumiko
