#include "kumiko/comm/mpi_exchange.h"

#include <array>
#include <limits>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

constexpr size_t sent = std::numeric_limits<size_t>::max();

// What a message of a wrong size means.
constexpr const char* other_operation =
    "another rank calls another operation, or the same with another size; parallel.check_communication = true says "
    "which";

}  // namespace

void check_mpi(int result, const std::string& what) {
  if (result == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(result, text.data(), &length);
  throw_environment("{}: {}", what, std::string(text.data(), static_cast<size_t>(length)));
}

void MpiExchange::check(int result) const {
  int kind = result;
  if (result != MPI_SUCCESS) MPI_Error_class(result, &kind);
  if (kind == MPI_ERR_TRUNCATE) {
    throw_internal("{}: a longer message came than was expected: {}", operation_.to_string(), other_operation);
  }
  if (result != MPI_SUCCESS) check_mpi(result, operation_.to_string());
}

void MpiExchange::send(const void* data, size_t bytes, int peer) {
  requests_.push_back(MPI_REQUEST_NULL);
  check(MPI_Isend(data, static_cast<int>(bytes), MPI_BYTE, place(peer), tag_, group_.communicator, &requests_.back()));
  expected_.push_back(sent);
}

void MpiExchange::receive(void* data, size_t bytes, int peer) {
  requests_.push_back(MPI_REQUEST_NULL);
  check(MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, place(peer), tag_, group_.communicator, &requests_.back()));
  expected_.push_back(bytes);
}

// A message may be shorter than its place without MPI minding: the sum would be wrong, and nobody would know.
void MpiExchange::check_sizes() const {
  for (size_t i = 0; i < expected_.size(); ++i) {
    if (expected_[i] == sent) continue;
    int bytes = 0;
    MPI_Get_count(&statuses_[i], MPI_BYTE, &bytes);
    if (static_cast<size_t>(bytes) != expected_[i]) {
      throw_internal("{}: a message of {} bytes came where {} were expected: {}", operation_.to_string(), bytes,
                     expected_[i], other_operation);
    }
  }
}

bool MpiExchange::complete() {
  if (requests_.empty()) return true;
  int complete = 0;
  statuses_.resize(requests_.size());
  const int result = MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &complete, statuses_.data());
  if (result == MPI_ERR_IN_STATUS) {
    for (const MPI_Status& status : statuses_) {
      if (status.MPI_ERROR != MPI_ERR_PENDING) check(status.MPI_ERROR);
    }
  }
  check(result);
  if (complete == 0) return false;
  check_sizes();
  requests_.clear();
  expected_.clear();
  return true;
}

}  // namespace kumiko
