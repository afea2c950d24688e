// The least of an HTTP server: answers GET /metrics with a text, on a thread of its own that serves many clients at
// once. A bad or slow client costs that client its answer; no other waits for it, and training never does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

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
  class Client;
  using Clients = std::vector<std::unique_ptr<Client>>;

  void loop();
  // Waits until a client can go on, has come or has run out of time. False: the server ends.
  bool wait(Clients& clients);
  bool go_on(Client& client) const;
  void accept_into(Clients& clients) const;

  std::function<std::string()> text_;
  int64_t port_ = 0;
  int listener_ = -1;
  int stop_ = -1;  // eventfd
  std::thread thread_;
};

// The whole response to what a client sent: the first line decides. HTTP/1.0, so the connection ends with it.
std::string http_response(const std::string& request, const std::function<std::string()>& text);

}  // namespace kumiko
