#include "kumiko/comm/run.h"

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <thread>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"

namespace kumiko {
namespace {

struct Failure {
  ErrorKind kind;
  std::string message;
};

template <class Body>
std::optional<Failure> failure_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return Failure{error.kind(), error.what()};
  } catch (const std::exception& error) {
    return Failure{ErrorKind::internal, error.what()};
  }
  return std::nullopt;
}

void report(const Failure& failure) { log::error("{}{}", error_prefix(failure.kind), failure.message); }

// How long a rank leaves the word to rank 0, which may be about to fail with the same message.
constexpr auto precedence_of_rank_0 = std::chrono::milliseconds(500);

}  // namespace

int run_in_world(const std::function<int(World&)>& body, std::shared_ptr<MemoryPool> pool,
                 const CommunicationOptions& options) {
  std::unique_ptr<World> world;
  if (const auto failure = failure_of([&] { world = connect_world(std::move(pool), options); })) {
    report(*failure);
    return exit_code(failure->kind);
  }
  int result = 0;
  if (const auto failure = failure_of([&] { result = body(*world); })) {
    if (world->rank() > 0) std::this_thread::sleep_for(precedence_of_rank_0);
    report(*failure);
    if (world->size() > 1) world->abort(exit_code(failure->kind));
    return exit_code(failure->kind);
  }
  if (const auto failure = failure_of([&] { world.reset(); })) {
    report(*failure);
    return exit_code(failure->kind);
  }
  return result;
}

}  // namespace kumiko
