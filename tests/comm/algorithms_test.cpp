// The algorithms among many ranks in one process: a network in memory that delivers messages in a random order.
#include "kumiko/comm/algorithms.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/comm/reduction.h"
#include "kumiko/comm/wire_cost.h"

namespace kumiko {
namespace {

class Network {
 public:
  struct Message {
    void* data;
    size_t bytes;
    bool delivered = false;
  };
  struct Pair {  // messages posted at either end and not met yet
    std::deque<std::shared_ptr<Message>> sent, awaited;
  };

  explicit Network(uint32_t seed) : random(seed) {}

  // Delivers some of the messages that both ends have posted, chosen at random. False: there are none.
  bool deliver_some() {
    bool possible = false;
    for (auto& [key, pair] : pairs) {
      if (pair.sent.empty() || pair.awaited.empty()) continue;
      possible = true;
      if (random() % 2 == 0) deliver(pair);
    }
    return possible;
  }

  std::map<std::pair<int, int>, Pair> pairs;
  std::mt19937 random;

 private:
  static void deliver(Pair& pair) {
    const auto sent = pair.sent.front();
    const auto awaited = pair.awaited.front();
    if (sent->bytes != awaited->bytes) throw_internal("{} bytes sent, {} awaited", sent->bytes, awaited->bytes);
    std::memcpy(awaited->data, sent->data, sent->bytes);
    sent->delivered = awaited->delivered = true;
    pair.sent.pop_front();
    pair.awaited.pop_front();
  }
};

class FakeExchange final : public Exchange {
 public:
  FakeExchange(Network& network, int rank, int size) : network_(network), rank_(rank), size_(size) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void send(const void* data, size_t bytes, int peer) override {
    sent_bytes += static_cast<int64_t>(bytes);
    post(network_.pairs[{rank_, peer}].sent, const_cast<void*>(data), bytes);
  }
  void receive(void* data, size_t bytes, int peer) override {
    received_bytes += static_cast<int64_t>(bytes);
    post(network_.pairs[{peer, rank_}].awaited, data, bytes);
  }
  bool complete() override {
    std::erase_if(posted_, [](const auto& message) { return message->delivered; });
    return posted_.empty();
  }

  int64_t sent_bytes = 0;
  int64_t received_bytes = 0;

 private:
  void post(std::deque<std::shared_ptr<Network::Message>>& end, void* data, size_t bytes) {
    posted_.push_back(std::make_shared<Network::Message>(Network::Message{data, bytes}));
    end.push_back(posted_.back());
  }

  Network& network_;
  int rank_;
  int size_;
  std::vector<std::shared_ptr<Network::Message>> posted_;
};

const std::shared_ptr<MemoryPool>& pool() {
  static const std::shared_ptr<MemoryPool> instance = MemoryPool::create();
  return instance;
}

Tensor floats(int64_t count, const std::function<float(int64_t)>& value) {
  const Tensor tensor = Tensor::empty(*pool(), Shape{count}, DType::f32, MemoryPurpose::communication);
  for (int64_t i = 0; i < count; ++i) tensor.data<float>()[i] = value(i);
  return tensor;
}

// Full of digits, so that every order of summation gives other bits.
float value_of(int rank, int64_t i) {
  const auto x = static_cast<uint64_t>(rank * 1'000'003 + i) * 0x9E3779B97F4A7C15;
  return static_cast<float>(static_cast<int64_t>(x)) * 0x1p-60F;
}

struct Outcome {
  std::vector<Operation> operations;  // of each rank
  std::vector<int64_t> sent_bytes;
  std::vector<int64_t> received_bytes;
  int64_t steps = 0;  // of the rank that takes the most
};

constexpr AlgorithmOptions small_pieces = {.piece_bytes = 64, .small_bytes = 32, .message_bytes = 40};

Outcome run_all(int size, const std::function<Operation(int)>& operation_of, const AlgorithmOptions& options,
                uint32_t seed = 1) {
  Network network(seed);
  Outcome run;
  std::vector<std::unique_ptr<FakeExchange>> exchanges;
  std::vector<Steps> steps;
  for (int r = 0; r < size; ++r) {
    run.operations.push_back(operation_of(r));
    validate(run.operations.back(), r, size);
  }
  for (int r = 0; r < size; ++r) {
    exchanges.push_back(std::make_unique<FakeExchange>(network, r, size));
    steps.push_back(run_collective(run.operations[static_cast<size_t>(r)], *exchanges.back(), *pool(), options));
  }
  std::vector<int64_t> taken(static_cast<size_t>(size));
  const auto at_rest = [&](size_t r) { return steps[r].finished() && exchanges[r]->complete(); };
  for (bool moved = true; moved;) {
    moved = network.deliver_some();
    for (size_t r = 0; r < steps.size(); ++r) {
      if (!exchanges[r]->complete() || steps[r].finished()) continue;
      steps[r].resume();
      if (!steps[r].finished()) run.steps = std::max(run.steps, ++taken[r]);
      moved = true;
    }
  }
  for (size_t r = 0; r < steps.size(); ++r) EXPECT_TRUE(at_rest(r)) << "rank " << r << " of " << size << " is stuck";
  for (const auto& exchange : exchanges) {
    run.sent_bytes.push_back(exchange->sent_bytes);
    run.received_bytes.push_back(exchange->received_bytes);
  }
  return run;
}

std::vector<float> tree_sum(int size, int64_t count) {
  std::vector<std::vector<float>> parts;
  std::vector<const void*> contributions;
  for (int r = 0; r < size; ++r) {
    parts.emplace_back();
    for (int64_t i = 0; i < count; ++i) parts.back().push_back(value_of(r, i));
  }
  for (const auto& part : parts) contributions.push_back(part.data());
  std::vector<float> sum(static_cast<size_t>(count));
  reduce_tree(DType::f32, ReduceOp::sum, contributions, sum.data(), count);
  return sum;
}

bool equal(const Tensor& tensor, const float* values, int64_t count) {
  return tensor.num_elements() == count && std::equal(values, values + count, tensor.data<float>());
}

Operation operation(Verb verb, Tensor input, Tensor output, int peer = -1) {
  return {.verb = verb,
          .input = std::move(input),
          .output = std::move(output),
          .reduction = ReduceOp::sum,
          .peer = peer,
          .purpose = "test"};
}

constexpr int world_sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 33};
constexpr int64_t counts[] = {0, 1, 2, 5, 8, 9, 100, 257};

TEST(Algorithms, AllReduceIsTheTreeWhateverTheSizePiecesAndTiming) {
  for (const int size : world_sizes) {
    for (const int64_t count : counts) {
      const std::vector<float> sum = tree_sum(size, count);
      for (const uint32_t seed : {1U, 2U}) {
        const Outcome run = run_all(
            size,
            [&](int r) {
              const Tensor tensor = floats(count, [r](int64_t i) { return value_of(r, i); });
              return operation(Verb::all_reduce, tensor, tensor);
            },
            small_pieces, seed);
        for (const Operation& done : run.operations) {
          ASSERT_TRUE(equal(done.output, sum.data(), count)) << size << " ranks, " << count << " elements";
        }
      }
    }
  }
}

TEST(Algorithms, ReduceScatterAndReduce) {
  for (const int size : world_sizes) {
    for (const int64_t count : {0, 1, 9, 40}) {
      const std::vector<float> sum = tree_sum(size, count * size);
      const auto input = [&](int r) { return floats(count * size, [r](int64_t i) { return value_of(r, i); }); };
      const Outcome scatter = run_all(
          size,
          [&](int r) { return operation(Verb::reduce_scatter, input(r), floats(count, [](int64_t) { return 0.0F; })); },
          small_pieces);
      const int root = size / 2;
      const Outcome reduce = run_all(
          size,
          [&](int r) {
            const Tensor tensor = input(r);
            return operation(Verb::reduce, tensor, tensor, root);
          },
          small_pieces);
      for (int r = 0; r < size; ++r) {
        const auto at = static_cast<size_t>(r);
        ASSERT_TRUE(equal(scatter.operations[at].output, sum.data() + r * count, count)) << size << " " << count;
        const Tensor untouched = input(r);
        const float* right = r == root ? sum.data() : untouched.data<float>();
        ASSERT_TRUE(equal(reduce.operations[at].output, right, count * size)) << size << " " << count;
      }
    }
  }
}

TEST(Algorithms, MovingVerbs) {
  for (const int size : world_sizes) {
    for (const int64_t count : {0, 1, 9, 40}) {
      const auto zeros = [](int64_t n) { return floats(n, [](int64_t) { return 0.0F; }); };
      const auto own = [&](int r, int64_t n) { return floats(n, [r](int64_t i) { return value_of(r, i); }); };
      const Outcome gather = run_all(
          size, [&](int r) { return operation(Verb::all_gather, own(r, count), zeros(count * size)); }, small_pieces);
      const Outcome exchange = run_all(
          size, [&](int r) { return operation(Verb::all_to_all, own(r, count * size), zeros(count * size)); },
          small_pieces);
      const int root = size - 1;
      const Outcome spread = run_all(
          size,
          [&](int r) {
            const Tensor tensor = own(r, count);
            return operation(Verb::broadcast, tensor, tensor, root);
          },
          small_pieces);
      for (int r = 0; r < size; ++r) {
        const auto at = static_cast<size_t>(r);
        ASSERT_TRUE(equal(spread.operations[at].output, own(root, count).data<float>(), count));
        for (int other = 0; other < size; ++other) {
          const Tensor gathered = gather.operations[at].output.slice(other * count, count);
          ASSERT_TRUE(equal(gathered, own(other, count).data<float>(), count));
          const Tensor exchanged = exchange.operations[at].output.slice(other * count, count);
          ASSERT_TRUE(equal(exchanged, own(other, count * size).slice(r * count, count).data<float>(), count));
        }
      }
    }
  }
}

TEST(Algorithms, BarrierAndLongMessages) {
  for (const int size : world_sizes)
    run_all(
        size, [](int) { return operation(Verb::barrier, {}, {}); }, small_pieces);
  const Outcome run = run_all(
      2,
      [](int r) {
        const Tensor tensor = floats(1000, [r](int64_t i) { return value_of(r, i); });
        return r == 0 ? operation(Verb::send, tensor, {}, 1) : operation(Verb::receive, {}, tensor, 0);
      },
      small_pieces);
  EXPECT_TRUE(equal(run.operations[1].output, run.operations[0].input.data<float>(), 1000));
}

// The least that any algorithm can send (Patarasuk, Yuan, "Bandwidth optimal all-reduce algorithms", 2009).
TEST(Algorithms, LargeTensorsCostTheFewestBytes) {
  for (const int size : {2, 3, 4, 8}) {
    const int64_t count = 160 * size;
    const Outcome run = run_all(size,
                                [&](int r) {
                                  const Tensor tensor = floats(count, [r](int64_t i) { return value_of(r, i); });
                                  return operation(Verb::all_reduce, tensor, tensor);
                                },
                                {.piece_bytes = 64 * size, .small_bytes = 32});
    for (const int64_t bytes : run.sent_bytes) EXPECT_EQ(bytes, 2 * (size - 1) * count * 4 / size);
  }
}

// The formula is what the algorithms do, where everything divides.
TEST(WireCost, IsWhatTheAlgorithmsSendAndHowOftenTheyWait) {
  constexpr AlgorithmOptions pieces = {.piece_bytes = 256, .small_bytes = 64, .message_bytes = 1 << 20};
  const auto numbers = [](int64_t count) { return floats(count, [](int64_t) { return 1.0F; }); };
  for (const int size : {2, 4, 8}) {
    for (const int64_t count : {0, 16, 128}) {  // nothing, small, several pieces
      for (const Verb verb : {Verb::all_reduce, Verb::reduce, Verb::broadcast, Verb::reduce_scatter, Verb::all_gather,
                              Verb::all_to_all}) {
        const Outcome run = run_all(
            size,
            [&](int) {
              const Tensor whole = numbers(count);
              if (verb == Verb::reduce_scatter) return operation(verb, whole, numbers(count / size));
              if (verb == Verb::all_gather) return operation(verb, numbers(count / size), whole);
              if (verb == Verb::all_to_all) return operation(verb, whole, numbers(count));
              return operation(verb, whole, whole, 0);
            },
            pieces);
        const WireCost cost = wire_cost(run.operations[0], size, pieces);
        const auto most = [](const std::vector<int64_t>& bytes) {
          return *std::max_element(bytes.begin(), bytes.end());
        };
        const std::string what = fmt::format("{} of {} among {}", name_of(verb), count, size);
        EXPECT_EQ(cost.sent, most(run.sent_bytes)) << what;
        EXPECT_EQ(cost.received, most(run.received_bytes)) << what;
        // A broadcast's pieces follow each other down the tree: no rank waits as often as the tree is deep.
        if (verb != Verb::broadcast) {
          EXPECT_EQ(cost.steps, run.steps) << what;
        }
      }
    }
  }
}

// 2^k ranks that hold the tree sums of 2^j blocks each: the bits of one rank with all 2^(j+k) blocks.
TEST(ReduceTree, IsTheSameOnAnyPowerOfTwoOfRanks) {
  const std::vector<float> whole = tree_sum(8, 100);
  std::vector<std::vector<float>> halves(2, std::vector<float>(100));
  for (int half = 0; half < 2; ++half) {
    std::vector<Tensor> blocks;
    std::vector<const void*> contributions;
    for (int r = 4 * half; r < 4 * half + 4; ++r) {
      blocks.push_back(floats(100, [r](int64_t i) { return value_of(r, i); }));
      contributions.push_back(blocks.back().raw());
    }
    reduce_tree(DType::f32, ReduceOp::sum, contributions, halves[static_cast<size_t>(half)].data(), 100);
  }
  reduce_pair(DType::f32, ReduceOp::sum, halves[0].data(), halves[1].data(), 100);
  EXPECT_EQ(halves[0], whole);
}

TEST(ReduceTree, RoundsHalvesOnceToNearestEven) {
  const auto reduce = [](DType dtype, std::vector<uint16_t> values) {
    std::vector<const void*> contributions;
    for (const uint16_t& value : values) contributions.push_back(&value);
    uint16_t result = 0;
    reduce_tree(dtype, ReduceOp::sum, contributions, &result, 1);
    return result;
  };
  // bf16: 1 + 2^-8 is half way between 1 and the next; four times 2^-10 add up to it before anything is rounded.
  EXPECT_EQ(reduce(DType::bf16, {0x3F80, 0x3B80}), 0x3F80);
  EXPECT_EQ(reduce(DType::bf16, {0x3F81, 0x3B80}), 0x3F82);
  EXPECT_EQ(reduce(DType::bf16, {0x3F81, 0x3A80, 0x3A80, 0x3A80, 0x3A80}), 0x3F82);
  EXPECT_EQ(reduce(DType::bf16, {0x7F80, 0xFF80}) & 0x7FC0, 0x7FC0);  // inf - inf
  // f16: subnormals, the largest number, and beyond.
  EXPECT_EQ(reduce(DType::f16, {0x0001, 0x0001}), 0x0002);
  EXPECT_EQ(reduce(DType::f16, {0x0400, 0x8001}), 0x03FF);
  EXPECT_EQ(reduce(DType::f16, {0x7BFF, 0x0001}), 0x7BFF);
  EXPECT_EQ(reduce(DType::f16, {0x7BFF, 0x7BFF}), 0x7C00);
  EXPECT_EQ(reduce(DType::f16, {0x3C00, 0x1000}), 0x3C00);
  EXPECT_EQ(reduce(DType::f16, {0x3C01, 0x1000}), 0x3C02);
  EXPECT_EQ(reduce(DType::f16, {0x7E00, 0x3C00}), 0x7E00);
}

// Every f16 and bf16 that is a number survives the way to f32 and back.
TEST(ReduceTree, WidensAndNarrowsExactly) {
  for (const DType dtype : {DType::bf16, DType::f16}) {
    const uint32_t infinity = dtype == DType::bf16 ? 0x7F80 : 0x7C00;
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      if ((bits & 0x7FFF) > infinity) continue;
      const auto value = static_cast<uint16_t>(bits);
      const uint16_t negative_zero = 0x8000;
      const void* contributions[] = {&value, &negative_zero};
      uint16_t result = 0;
      reduce_tree(dtype, ReduceOp::sum, contributions, &result, 1);
      ASSERT_EQ(result, value) << name_of(dtype);
    }
  }
}

TEST(AllReduceMemory, IsWhatThePoolCounts) {
  for (const int size : {2, 3, 4, 7}) {
    for (const int64_t count : {1, 5, 9, 16, 17, 100}) {
      std::vector<Tensor> tensors;
      for (int r = 0; r < size; ++r) tensors.push_back(floats(count, [](int64_t) { return 1.0F; }));
      pool()->reset_peaks();
      const int64_t before = pool()->use(MemoryPurpose::communication).current;
      run_all(
          size,
          [&](int r) {
            const Tensor& tensor = tensors[static_cast<size_t>(r)];
            Operation operation;
            operation.verb = Verb::all_reduce;
            operation.input = operation.output = tensor;
            return operation;
          },
          small_pieces);
      EXPECT_EQ(pool()->use(MemoryPurpose::communication).peak - before,
                size * all_reduce_memory(count, DType::f32, size, small_pieces))
          << count << " among " << size;
    }
  }
}

}  // namespace
}  // namespace kumiko
