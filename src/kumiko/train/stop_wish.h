// Whether a rank wishes that the run saves and stops.
#pragma once

#include <functional>
#include <utility>

namespace kumiko {

// This rank's wish, asked for at the end of a step: what comes while the step is computed still counts for it.
class StopWish {
 public:
  StopWish(bool wish) : ask_([wish] { return wish; }) {}  // NOLINT(google-explicit-constructor): the plain case
  explicit StopWish(std::function<bool()> ask) : ask_(std::move(ask)) {}
  bool operator()() const { return ask_(); }

 private:
  std::function<bool()> ask_;
};

}  // namespace kumiko
