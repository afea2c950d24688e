// The least of an HTTP server: answers GET /metrics with a text, one request at a time, on a thread of its own. A bad
// or slow client costs that client its answer, and the next one half a second at most; training never waits.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace kumiko {

class MetricsServer {
 public:
  // Listens on `address` (numbers: 127.0.0.1, ::1, 0.0.0.0) and `port`, 0 for any that is free. `text` is called on the
  // server's thread for each request. Environment error, naming the address, if it cannot be listened on.
  MetricsServer(const std::string& address, int64_t port, std::function<std::string()> text);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  int64_t port() const { return port_; }

 private:
  void loop();
  void answer(int connection) const;

  std::function<std::string()> text_;
  int64_t port_ = 0;
  int listener_ = -1;
  int stop_ = -1;  // eventfd
  std::thread thread_;
};

// The whole response to what a client sent: the first line decides. HTTP/1.0, so the connection ends with it.
std::string http_response(const std::string& request, const std::function<std::string()>& text);

}  // namespace kumiko
