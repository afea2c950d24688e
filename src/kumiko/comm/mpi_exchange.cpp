#include "kumiko/comm/mpi_exchange.h"

#include <array>

#include "kumiko/base/error.h"

namespace kumiko {

void check_mpi(int result, const std::string& what) {
  if (result == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(result, text.data(), &length);
  throw_environment("{}: {}", what, std::string(text.data(), static_cast<size_t>(length)));
}

void MpiExchange::check(int result) const {
  if (result != MPI_SUCCESS) check_mpi(result, operation_.to_string());
}

void MpiExchange::send(const void* data, size_t bytes, int peer) {
  requests_.push_back(MPI_REQUEST_NULL);
  check(MPI_Isend(data, static_cast<int>(bytes), MPI_BYTE, peer, tag(), communicator_, &requests_.back()));
}

void MpiExchange::receive(void* data, size_t bytes, int peer) {
  requests_.push_back(MPI_REQUEST_NULL);
  check(MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, peer, tag(), communicator_, &requests_.back()));
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
  if (complete != 0) requests_.clear();
  return complete != 0;
}

}  // namespace kumiko
