#include "checkpoint/thread_ranks.h"

#include <algorithm>
#include <barrier>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

namespace kumiko {
namespace {

struct Shared {
  explicit Shared(int num_ranks) : arrival(num_ranks), handed_in(static_cast<size_t>(num_ranks)) {}

  std::barrier<> arrival;
  std::vector<Tensor> handed_in;
  std::mutex mutex;
  std::condition_variable sent;
  std::map<std::pair<int, int>, std::deque<std::string>> mail;  // by (source, destination)
};

class ThreadRank : public Communicator {
 public:
  ThreadRank(Shared& shared, int rank) : shared_(shared), rank_(rank) {}

  Axis axis() const override { return Axis::data; }
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(shared_.handed_in.size()); }

  Event all_gather(Tensor input, Tensor output, std::string_view) override {
    exchange(input, [&] {
      for (int rank = 0; rank < size(); ++rank) {
        copy(shared_.handed_in[static_cast<size_t>(rank)],
             output.slice(rank * input.num_elements(), input.num_elements()).reshaped(input.shape()));
      }
    });
    return {};
  }
  Event broadcast(Tensor tensor, int root, std::string_view) override {
    exchange(tensor, [&] {
      if (rank_ != root) copy(shared_.handed_in[static_cast<size_t>(root)], tensor);
    });
    return {};
  }
  Event barrier(std::string_view) override {
    exchange({}, [] {});
    return {};
  }
  Event send(Tensor tensor, int destination, std::string_view) override {
    const std::scoped_lock lock(shared_.mutex);
    shared_.mail[{rank_, destination}].emplace_back(static_cast<const char*>(tensor.raw()), tensor.num_bytes());
    shared_.sent.notify_all();
    return {};
  }
  Event receive(Tensor tensor, int source, std::string_view) override {
    std::unique_lock lock(shared_.mutex);
    std::deque<std::string>& letters = shared_.mail[{source, rank_}];
    shared_.sent.wait(lock, [&] { return !letters.empty(); });
    if (letters.front().size() != tensor.num_bytes()) throw_internal("a message of another size was received");
    std::memcpy(tensor.raw(), letters.front().data(), tensor.num_bytes());
    letters.pop_front();
    return {};
  }

  // What ranks compare (comm/agreement.h), and nothing else.
  Event all_reduce(Tensor tensor, ReduceOp op, std::string_view) override {
    if (op != ReduceOp::max || tensor.dtype() != DType::i64) absent();
    const auto values = tensor.elements<int64_t>();
    std::vector<int64_t> own(values.begin(), values.end());
    exchange(Tensor(std::shared_ptr<void>(own.data(), [](void*) {}), tensor.shape(), DType::i64), [&] {
      for (const Tensor& other : shared_.handed_in) {
        for (size_t i = 0; i < values.size(); ++i) values[i] = std::max(values[i], other.data<int64_t>()[i]);
      }
    });
    return {};
  }
  Event reduce_scatter(Tensor, Tensor, ReduceOp, std::string_view) override { absent(); }
  Event reduce(Tensor, ReduceOp, int, std::string_view) override { absent(); }
  Event all_to_all(Tensor, Tensor, std::string_view) override { absent(); }

 private:
  void exchange(const Tensor& tensor, const std::function<void()>& take) {
    shared_.handed_in[static_cast<size_t>(rank_)] = tensor;
    shared_.arrival.arrive_and_wait();
    take();
    shared_.arrival.arrive_and_wait();
  }
  [[noreturn]] static void absent() {
    throw_internal("ranks that are threads reduce nothing but the greatest integer");
  }

  Shared& shared_;
  int rank_;
};

}  // namespace

void run_on_ranks(int num_ranks, const std::function<void(Communicator&)>& body) {
  Shared shared(num_ranks);
  std::vector<std::exception_ptr> failures(static_cast<size_t>(num_ranks));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < num_ranks; ++rank) {
    threads.emplace_back([&, rank] {
      ThreadRank communicator(shared, rank);
      try {
        body(communicator);
      } catch (...) {
        failures[static_cast<size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace kumiko
