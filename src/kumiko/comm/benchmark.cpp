#include "kumiko/comm/benchmark.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"

namespace kumiko {
namespace {

constexpr std::string_view benchmark_purpose = "benchmark";
// Short operations are timed in runs of as many as move this much, since one is shorter than the clock's noise.
constexpr int64_t bytes_per_run = 4 << 20;
constexpr int64_t most_per_run = 100;

std::unique_ptr<Communicator> all_ranks(World& world) {
  std::vector<int64_t> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  return world.communicator(Axis::data, ranks);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Median seconds of `action` after a barrier, and once before for warming up.
double time_of(Communicator& ranks, int repetitions, const std::function<void()>& action) {
  action();
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    ranks.barrier(benchmark_purpose).wait();
    const double begin = seconds_now();
    action();
    seconds.push_back(seconds_now() - begin);
  }
  return median(std::move(seconds));
}

void ping_pong(Communicator& ranks, const Tensor& tensor) {
  if (ranks.rank() == 0) {
    ranks.send(tensor, 1, benchmark_purpose).wait();
    ranks.receive(tensor, 1, benchmark_purpose).wait();
  } else if (ranks.rank() == 1) {
    ranks.receive(tensor, 0, benchmark_purpose).wait();
    ranks.send(tensor, 0, benchmark_purpose).wait();
  }
}

CommTiming time_verb(Communicator& ranks, Verb verb, const Tensor& tensor, int repetitions) {
  const auto size = static_cast<double>(ranks.size());
  const int64_t part = tensor.num_elements() / ranks.size();
  const Tensor own = tensor.slice(ranks.rank() * part, part);
  CommTiming timing{verb, static_cast<int64_t>(tensor.num_bytes()), 0, (size - 1) / size};
  std::function<void()> once;
  switch (verb) {
    case Verb::all_reduce:
      timing.bus_factor *= 2;
      once = [&] { ranks.all_reduce(tensor, ReduceOp::max, benchmark_purpose).wait(); };
      break;
    case Verb::reduce_scatter:
      once = [&] { ranks.reduce_scatter(tensor, own, ReduceOp::max, benchmark_purpose).wait(); };
      break;
    case Verb::all_gather:
      once = [&] { ranks.all_gather(own, tensor, benchmark_purpose).wait(); };
      break;
    default:
      timing.bus_factor = 1;
      once = [&] { ping_pong(ranks, tensor); };
  }
  const int64_t runs = std::clamp<int64_t>(bytes_per_run / std::max<int64_t>(1, timing.bytes), 1, most_per_run);
  const double seconds = time_of(ranks, repetitions, [&] {
    for (int64_t i = 0; i < runs; ++i) once();
  });
  timing.seconds = seconds / static_cast<double>(runs) / (verb == Verb::send ? 2 : 1);
  return timing;
}

// Multiply-adds on data in the first-level cache, as the inside of a matrix product.
__attribute__((noinline)) float compute(int64_t rounds) {
  constexpr size_t width = 2048;
  static thread_local std::array<float, width> values{};
  values.fill(1.0F);
  for (int64_t i = 0; i < rounds; ++i) {
    for (float& value : values) value = value * 0.999F + 0.001F;
  }
  return values[0];
}

double processor_seconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Of all threads of this process but the caller, while `action` runs.
double others_processor_seconds(const std::function<void()>& action) {
  const auto others = [] {
    return processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - processor_seconds(CLOCK_THREAD_CPUTIME_ID);
  };
  const double begin = others();
  action();
  return others() - begin;
}

}  // namespace

void CommBenchmarkOptions::validate() const {
  if (min_bytes < 4) throw_user("--min-bytes {}: at least 4, one element", min_bytes);
  if (max_bytes < min_bytes) throw_user("--max-bytes {}: at least --min-bytes {}", max_bytes, min_bytes);
  if (factor < 2) throw_user("--factor {}: at least 2", factor);
  if (repetitions < 1) throw_user("--repetitions {}: at least 1", repetitions);
  if (overlap_bytes < 4) throw_user("--overlap-bytes {}: at least 4, one element", overlap_bytes);
}

double OverlapTiming::hidden() const {
  return (communication + arithmetic - both) / std::min(communication, arithmetic);
}

std::vector<CommTiming> benchmark_verbs(World& world, MemoryPool& pool, const CommBenchmarkOptions& options) {
  options.validate();
  const auto ranks = all_ranks(world);
  std::vector<CommTiming> timings;
  for (const Verb verb : {Verb::all_reduce, Verb::reduce_scatter, Verb::all_gather, Verb::send}) {
    for (int64_t bytes = options.min_bytes; bytes <= options.max_bytes; bytes *= options.factor) {
      const int64_t count = std::max<int64_t>(1, bytes / 4 / ranks->size()) * ranks->size();
      const Tensor tensor = Tensor::zeros(pool, Shape{count}, DType::f32, MemoryPurpose::communication);
      timings.push_back(time_verb(*ranks, verb, tensor, options.repetitions));
    }
  }
  return timings;
}

OverlapTiming benchmark_overlap(World& world, MemoryPool& pool, const CommBenchmarkOptions& options) {
  options.validate();
  const auto ranks = all_ranks(world);
  const Tensor tensor = Tensor::zeros(pool, Shape{options.overlap_bytes / 4}, DType::f32, MemoryPurpose::communication);
  OverlapTiming timing;
  timing.bytes = static_cast<int64_t>(tensor.num_bytes());
  const auto communicate = [&] { return ranks->all_reduce(tensor, ReduceOp::max, benchmark_purpose); };
  timing.communication = time_of(*ranks, options.repetitions, [&] { communicate().wait(); });

  // Enough rounds to take as long as the communication, the same on every rank.
  constexpr int64_t trial = 20'000;
  volatile float sink = 0;
  const double trial_seconds = time_of(*ranks, 3, [&] { sink = compute(trial); });
  auto memory = std::make_shared<int64_t>(
      std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(trial) * timing.communication / trial_seconds)));
  const int64_t& rounds = *memory;
  ranks->broadcast(Tensor(memory, Shape{1}, DType::i64), 0, benchmark_purpose).wait();

  const auto alone = [&] { communicate().wait(); };
  const auto beside = [&] {
    const Event event = communicate();
    sink = compute(rounds);
    event.wait();
  };
  // Alternately, since the machine's pace changes.
  std::vector<double> communication, arithmetic, both, processor_alone, processor_beside;
  for (int i = 0; i < options.repetitions; ++i) {
    communication.push_back(time_of(*ranks, 1, alone));
    arithmetic.push_back(time_of(*ranks, 1, [&] { sink = compute(rounds); }));
    both.push_back(time_of(*ranks, 1, beside));
    processor_alone.push_back(others_processor_seconds(alone));
    processor_beside.push_back(others_processor_seconds(beside));
  }
  timing.communication = median(std::move(communication));
  timing.arithmetic = median(std::move(arithmetic));
  timing.both = median(std::move(both));
  timing.processor_alone = median(std::move(processor_alone));
  timing.processor_beside = median(std::move(processor_beside));
  return timing;
}

}  // namespace kumiko
