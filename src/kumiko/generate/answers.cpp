#include "kumiko/generate/answers.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "kumiko/base/clock.h"

namespace kumiko {
namespace {

constexpr std::string_view purpose = "answers";

// What goes before the text of an answer.
struct Facts {
  int64_t num_bytes = 0;
  Generated counts;
  int64_t nanoseconds = 0;
};

template <class T>
Tensor plain_tensor(size_t count, DType dtype) {
  return {std::shared_ptr<T[]>(new T[count]), {static_cast<int64_t>(count)}, dtype};
}

Tensor tensor_of(const Facts& facts) {
  const Tensor tensor = plain_tensor<int64_t>(sizeof facts / sizeof(int64_t), DType::i64);
  std::memcpy(tensor.raw(), &facts, sizeof facts);
  return tensor;
}

}  // namespace

Answers::Answers(Generator& generator, World& world, const SamplingOptions& sampling, AnswerView view)
    : generator_(generator), sampling_(sampling), view_(std::move(view)), shows_(world.rank() == 0) {
  const Mesh& mesh = generator.mesh();
  const std::vector<int64_t> ranks = mesh.group(world.rank(), Axis::data);
  speaks_ = ranks.front() == 0;
  replicas_ = world.communicator(Axis::data, ranks);
}

Answered Answers::make(const std::string& prompt, const std::function<void(std::string_view)>& emit) {
  emit(prompt);
  const double begin = seconds_now();
  const Generated counts = generator_.generate(prompt, sampling_, stream_, emit);
  return {counts, seconds_now() - begin};
}

void Answers::make_and_send(const std::string& prompt) {
  std::string text;
  const auto [counts, seconds] = make(prompt, [&](std::string_view piece) { text += piece; });
  if (!speaks_) return;
  const Facts facts{static_cast<int64_t>(text.size()), counts, std::llround(seconds * 1e9)};
  leaving_.push_back(replicas_->send(tensor_of(facts), 0, purpose));
  if (text.empty()) return;
  const Tensor bytes = plain_tensor<char>(text.size(), DType::u8);
  std::memcpy(bytes.raw(), text.data(), text.size());
  leaving_.push_back(replicas_->send(bytes, 0, purpose));
}

void Answers::receive_and_show(int replica) {
  Facts facts;
  const Tensor numbers = tensor_of(facts);
  replicas_->receive(numbers, replica, purpose).wait();
  std::memcpy(&facts, numbers.raw(), sizeof facts);
  if (facts.num_bytes > 0) {
    const Tensor bytes = plain_tensor<char>(static_cast<size_t>(facts.num_bytes), DType::u8);
    replicas_->receive(bytes, replica, purpose).wait();
    view_.text({static_cast<const char*>(bytes.raw()), bytes.num_bytes()});
  }
  view_.end({facts.counts, static_cast<double>(facts.nanoseconds) / 1e9});
}

void Answers::answer(const std::vector<std::string>& prompts) {
  for (size_t i = 0; i < prompts.size(); ++i, ++stream_) {
    const int replica = static_cast<int>(i % static_cast<size_t>(replicas_->size()));
    if (replica != replicas_->rank()) {
      if (shows_) receive_and_show(replica);
    } else if (shows_) {
      view_.end(make(prompts[i], view_.text));
    } else {
      make_and_send(prompts[i]);
    }
  }
  for (const Event& event : leaving_) event.wait();
  leaving_.clear();
}

}  // namespace kumiko
