#include "kumiko/comm/peer_watch.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// How often processes without a descriptor are asked for.
constexpr int poll_milliseconds = 200;

int open_process(int64_t process_id) {
#ifdef SYS_pidfd_open  // Linux 5.3; older headers do not name it
  return static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(process_id), 0U));
#else
  static_cast<void>(process_id);
  errno = ENOSYS;
  return -1;
#endif
}

}  // namespace

PeerWatch::PeerWatch(std::vector<Peer> peers, std::function<void(const Peer&)> died)
    : peers_(std::move(peers)), stop_descriptor_(eventfd(0, EFD_CLOEXEC)), died_(std::move(died)) {
  if (stop_descriptor_ < 0) throw_environment("cannot watch the other ranks: no file descriptor is left");
  for (const Peer& peer : peers_) process_descriptors_.push_back(open_process(peer.info.process_id));
  thread_ = std::thread([this] { watch(); });
}

PeerWatch::~PeerWatch() {
  const uint64_t one = 1;
  static_cast<void>(!write(stop_descriptor_, &one, sizeof one));
  thread_.join();
  for (const int descriptor : process_descriptors_) {
    if (descriptor >= 0) close(descriptor);
  }
  close(stop_descriptor_);
}

void PeerWatch::watch() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_setname_np(pthread_self(), "kumiko-watch");
  while (true) {
    std::vector<pollfd> descriptors = {{stop_descriptor_, POLLIN, 0}};
    bool ask = false;
    for (const int descriptor : process_descriptors_) {
      if (descriptor >= 0) descriptors.push_back({descriptor, POLLIN, 0});
      ask = ask || descriptor < 0;
    }
    poll(descriptors.data(), descriptors.size(), ask ? poll_milliseconds : -1);
    if ((descriptors[0].revents & POLLIN) != 0) return;
    if (const Peer* peer = ended()) return died_(*peer);
  }
}

const Peer* PeerWatch::ended() const {
  for (size_t i = 0; i < peers_.size(); ++i) {
    pollfd descriptor = {process_descriptors_[i], POLLIN, 0};
    if (descriptor.fd >= 0) {
      if (poll(&descriptor, 1, 0) > 0) return &peers_[i];
    } else if (kill(static_cast<pid_t>(peers_[i].info.process_id), 0) != 0 && errno == ESRCH) {
      return &peers_[i];
    }
  }
  return nullptr;
}

}  // namespace kumiko
