// Prompts answered by all replicas of a model: prompt i by replica i modulo their number, each by itself. Rank 0 shows
// the answers, in the order of the prompts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/comm/communicator.h"
#include "kumiko/generate/generator.h"

namespace kumiko {

struct Answered {
  Generated counts;
  double seconds = 0;
};

// What rank 0 does with an answer.
struct AnswerView {
  std::function<void(std::string_view)> text;  // the prompt and what was made, piece by piece
  std::function<void(const Answered&)> end;
};

class Answers {
 public:
  // Collective. `generator` must outlive this. The answers do not depend on how many replicas there are.
  Answers(Generator& generator, World& world, const SamplingOptions& sampling, AnswerView view);

  // Collective: all ranks have the same prompts.
  void answer(const std::vector<std::string>& prompts);

 private:
  // What this rank's replica makes of the prompt, the prompt itself in front.
  Answered make(const std::string& prompt, const std::function<void(std::string_view)>& emit);
  void make_and_send(const std::string& prompt);
  void receive_and_show(int replica);

  Generator& generator_;
  SamplingOptions sampling_;
  AnswerView view_;
  bool shows_;                              // this rank is rank 0
  bool speaks_;                             // this rank tells rank 0 what its replica has made
  std::unique_ptr<Communicator> replicas_;  // the data axis
  std::vector<Event> leaving_;
  uint64_t stream_ = 0;  // prompts so far
};

}  // namespace kumiko
