#include "kumiko/comm/run.h"

#include <chrono>
#include <exception>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/base/system_failure.h"
#include "kumiko/comm/agreement.h"

namespace kumiko {
namespace {

struct Failure {
  ErrorKind kind;
  std::string message;
  bool shared = false;  // by every rank
};

template <class Body>
std::optional<Failure> failure_of(const Body& body) {
  try {
    body();
  } catch (const SharedError& error) {
    return Failure{error.kind(), error.what(), true};
  } catch (const std::exception& exception) {
    const Error error = error_from(exception);
    return Failure{error.kind(), error.what()};
  }
  return std::nullopt;
}

void report(const Failure& failure) { log::error("{}{}", error_prefix(failure.kind), failure.message); }

// How long a rank leaves the word to rank 0, which may be about to fail with the same message.
constexpr auto precedence_of_rank_0 = std::chrono::milliseconds(500);

// Leaves the world in order. The exit code.
int leave(std::unique_ptr<World>& world, int result) {
  if (const auto failure = failure_of([&] { world.reset(); })) {
    report(*failure);
    return exit_code(failure->kind);
  }
  return result;
}

int end_with(std::unique_ptr<World>& world, const Failure& failure) {
  const int code = exit_code(failure.kind);
  if (world->size() == 1) {
    report(failure);
    return code;
  }
  if (failure.shared) {
    if (world->rank() == 0) report(failure);
    return leave(world, code);
  }
  world->expect_end(code);
  if (world->rank() > 0) std::this_thread::sleep_for(precedence_of_rank_0);
  report(failure);
  world->abort(code);
  return code;
}

std::unique_ptr<Communicator> all_of(World& world) {
  std::vector<int64_t> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  return world.communicator(Axis::all, ranks);
}

}  // namespace

int run_in_world(const std::function<int(World&)>& body, std::shared_ptr<MemoryPool> pool,
                 const CommunicationOptions& options) {
  std::unique_ptr<World> world;
  if (const auto failure = failure_of([&] { world = connect_world(std::move(pool), options); })) {
    report(*failure);
    return exit_code(failure->kind);
  }
  int result = 0;
  if (const auto failure = failure_of([&] { result = body(*world); })) return end_with(world, *failure);
  return leave(world, result);
}

int run_in_world(const std::function<CommunicationOptions()>& prepare, const std::function<int(World&)>& body,
                 std::shared_ptr<MemoryPool> pool) {
  CommunicationOptions options;
  std::exception_ptr problem;
  try {
    options = prepare();
  } catch (...) {
    problem = std::current_exception();
  }
  const auto checked_body = [&](World& world) {
    const auto all = all_of(world);
    together(
        *all,
        [&] {
          if (problem) std::rethrow_exception(problem);
        },
        world.ranks());
    return body(world);
  };
  return run_in_world(checked_body, std::move(pool), options);
}

}  // namespace kumiko
