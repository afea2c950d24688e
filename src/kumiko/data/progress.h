// How far a long pass over data has come: one line that is redrawn on a terminal, a plain line now and then otherwise.
#pragma once

#include <cstdint>
#include <string>

namespace kumiko {

// "1.20 GiB of 2.00 GiB (60 %), 12.3 MiB/s, 1 m 03 s left". Without a rate before the first byte;
// "1.20 GiB, 12.3 MiB/s" where the total is not known (0).
std::string progress_text(int64_t done_bytes, int64_t total_bytes, double seconds);

class Progress {
 public:
  // `what` begins each line: "building corpus".
  Progress(std::string what, int64_t total_bytes);
  // Clears the line on a terminal.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap enough to call for every block; writes only when it is time to: five times a second on a terminal, else every
  // ten seconds.
  void update(int64_t done_bytes);

 private:
  std::string what_;
  int64_t total_bytes_;
  bool terminal_;
  double start_;
  double next_;
  bool drawn_ = false;
};

}  // namespace kumiko
