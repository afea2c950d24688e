#include "kumiko/comm/mpi_mailbox.h"

#include "kumiko/comm/mpi_exchange.h"

namespace kumiko {

MpiMailbox::MpiMailbox() {
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &communicator_), "creating the communicator of the watchdog");
  MPI_Comm_set_errhandler(communicator_, MPI_ERRORS_RETURN);
  MPI_Comm_rank(communicator_, &rank_);
  MPI_Comm_size(communicator_, &size_);
}

bool MpiMailbox::complete(InFlight& message) {
  int done = 0;
  check_mpi(MPI_Test(&message.request, &done, MPI_STATUS_IGNORE), "asking the other ranks for their state");
  return done != 0;
}

void MpiMailbox::send(int to, std::span<const std::byte> bytes) {
  std::erase_if(sent_, complete);
  InFlight& message = sent_.emplace_back();
  message.letter.bytes.assign(bytes.begin(), bytes.end());
  check_mpi(MPI_Isend(message.letter.bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, to, 0, communicator_,
                      &message.request),
            "asking the other ranks for their state");
}

std::vector<Mailbox::Letter> MpiMailbox::take() {
  while (true) {
    int waits = 0;
    MPI_Status status;
    check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, 0, communicator_, &waits, &status), "looking for other ranks' questions");
    if (waits == 0) break;
    int count = 0;
    MPI_Get_count(&status, MPI_BYTE, &count);
    InFlight& message = coming_.emplace_back();
    message.letter.from = status.MPI_SOURCE;
    message.letter.bytes.resize(static_cast<size_t>(count));
    check_mpi(
        MPI_Irecv(message.letter.bytes.data(), count, MPI_BYTE, status.MPI_SOURCE, 0, communicator_, &message.request),
        "receiving other ranks' questions");
  }
  std::vector<Letter> letters;
  for (auto message = coming_.begin(); message != coming_.end();) {
    if (!complete(*message)) {
      ++message;
      continue;
    }
    letters.push_back(std::move(message->letter));
    message = coming_.erase(message);
  }
  std::erase_if(sent_, complete);
  return letters;
}

}  // namespace kumiko
