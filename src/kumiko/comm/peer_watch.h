// Notices when another rank on this host dies (kill -9, out of memory, a crash), which no message would ever tell.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "kumiko/comm/communicator.h"

namespace kumiko {

struct Peer {
  int rank = 0;
  RankInfo info;
};

class PeerWatch {
 public:
  // Calls `died`, from a thread of its own and once, when one of `peers`, processes of this host, has ended.
  PeerWatch(std::vector<Peer> peers, std::function<void(const Peer&)> died);
  // No more calls. The ends of processes are no news from here on.
  ~PeerWatch();
  PeerWatch(const PeerWatch&) = delete;
  PeerWatch& operator=(const PeerWatch&) = delete;

 private:
  void watch();
  // The peer that has ended, or nullptr.
  const Peer* ended() const;

  std::vector<Peer> peers_;
  std::vector<int> process_descriptors_;  // of each peer; -1 where the kernel gives none: asked for by signal 0
  int stop_descriptor_;
  std::function<void(const Peer&)> died_;
  std::thread thread_;
};

}  // namespace kumiko
