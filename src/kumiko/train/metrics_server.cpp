#include "kumiko/train/metrics_server.h"

#include <fmt/core.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

constexpr size_t longest_request = 8192;
// For one client to ask and to take its answer.
constexpr auto patience = std::chrono::seconds(5);
// Beyond these the one that came first has to go.
constexpr size_t most_clients = 64;
using Clock = std::chrono::steady_clock;

bool is_whole(std::string_view request) {
  return request.size() >= longest_request || request.find("\n\r\n") != std::string_view::npos ||
         request.find("\n\n") != std::string_view::npos;
}

std::string whole_response(const char* status, std::string_view body, const char* type = "text/plain",
                           bool head_only = false) {
  std::string response = fmt::format(
      "HTTP/1.0 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", status, type, body.size());
  if (!head_only) response += body;
  return response;
}

// A listening socket, or -1 with the reason in `reason`.
int listen_on(const addrinfo& address, std::string& reason) {
  const int listener = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) {
    reason = std::strerror(errno);
    return -1;
  }
  const int yes = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  constexpr int waiting_clients = 16;
  if (::bind(listener, address.ai_addr, address.ai_addrlen) == 0 && ::listen(listener, waiting_clients) == 0) {
    return listener;
  }
  reason = std::strerror(errno);
  ::close(listener);
  return -1;
}

int64_t port_of(int listener) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  std::array<char, 32> port{};
  auto* generic = reinterpret_cast<sockaddr*>(&name);
  if (::getsockname(listener, generic, &length) != 0 ||
      ::getnameinfo(generic, length, nullptr, 0, port.data(), port.size(), NI_NUMERICSERV) != 0) {
    return 0;
  }
  return std::stoll(port.data());
}

}  // namespace

std::string http_response(const std::string& request, const std::function<std::string()>& text) {
  const std::string_view line = std::string_view(request).substr(0, request.find_first_of("\r\n"));
  const size_t first = line.find(' ');
  if (first == std::string_view::npos) return whole_response("400 Bad Request", "expected GET /metrics\n");
  const std::string_view method = line.substr(0, first);
  std::string_view path = line.substr(first + 1);
  path = path.substr(0, path.find_first_of(" ?"));
  if (method != "GET" && method != "HEAD") return whole_response("405 Method Not Allowed", "expected GET /metrics\n");
  const bool head_only = method == "HEAD";
  if (path == "/") return whole_response("200 OK", "kumiko: the metrics are at /metrics\n", "text/plain", head_only);
  if (path != "/metrics") return whole_response("404 Not Found", "expected GET /metrics\n");
  return whole_response("200 OK", text(), "text/plain; version=0.0.4; charset=utf-8", head_only);
}

MetricsServer::MetricsServer(const std::string& address, int64_t port, std::function<std::string()> text)
    : text_(std::move(text)) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failure = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
  std::string reason;
  if (failure == 0) {
    listener_ = listen_on(*found, reason);
    ::freeaddrinfo(found);
  } else {
    reason = ::gai_strerror(failure);
  }
  if (listener_ < 0) {
    throw_environment(
        "cannot listen on address {}, port {}, for metrics: {}; give another logging.prometheus_address or "
        "logging.prometheus_port",
        address, port, reason);
  }
  port_ = port_of(listener_);
  stop_ = ::eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { loop(); });
}

MetricsServer::~MetricsServer() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_, &one, sizeof one);
  thread_.join();
  ::close(listener_);
  ::close(stop_);
}

// One client, from its request to the end of the connection. Nothing here waits.
class MetricsServer::Client {
 public:
  explicit Client(int connection) : connection_(connection), deadline_(Clock::now() + patience) {}
  ~Client() { ::close(connection_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  pollfd wish() const { return {connection_, static_cast<short>(state_ == State::answering ? POLLOUT : POLLIN), 0}; }
  Clock::time_point deadline() const { return deadline_; }

  // Takes or gives what can be had at once. False: there is no more to do.
  bool go_on(const std::function<std::string()>& text) {
    switch (state_) {
      case State::asking:
        return receive(text);
      case State::answering:
        return send();
      case State::leaving:
        break;
    }
    // A client that is still sending would otherwise lose the answer to a reset.
    std::array<char, 2048> rest;
    return ::recv(connection_, rest.data(), rest.size(), MSG_DONTWAIT) > 0;
  }

 private:
  enum class State { asking, answering, leaving };

  bool receive(const std::function<std::string()>& text) {
    std::array<char, 2048> piece;
    const ssize_t count = ::recv(connection_, piece.data(), piece.size(), MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    request_.append(piece.data(), static_cast<size_t>(count));
    if (count > 0 && !is_whole(request_)) return true;
    if (request_.empty()) return false;
    response_ = http_response(request_, text);
    state_ = State::answering;
    return send();
  }

  bool send() {
    const std::string_view rest = std::string_view(response_).substr(sent_);
    const ssize_t count = ::send(connection_, rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    sent_ += static_cast<size_t>(count);
    if (sent_ < response_.size()) return true;
    response_.clear();
    state_ = State::leaving;
    return ::shutdown(connection_, SHUT_WR) == 0;
  }

  int connection_;
  Clock::time_point deadline_;
  State state_ = State::asking;
  std::string request_;
  std::string response_;
  size_t sent_ = 0;
};

void MetricsServer::loop() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);  // signals are for the training's thread
  pthread_setname_np(pthread_self(), "kumiko-metrics");
  Clients clients;  // in the order in which they came
  while (wait(clients)) {
    const Clock::time_point now = Clock::now();
    std::erase_if(clients, [now](const auto& client) { return client->deadline() <= now; });
  }
}

bool MetricsServer::wait(Clients& clients) {
  std::vector<pollfd> polled = {{stop_, POLLIN, 0}, {listener_, POLLIN, 0}};
  for (const auto& client : clients) polled.push_back(client->wish());
  int milliseconds = -1;
  if (!clients.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(clients.front()->deadline() - Clock::now());
    milliseconds = static_cast<int>(std::max<int64_t>(0, left.count()));
  }
  if (::poll(polled.data(), polled.size(), milliseconds) < 0) return errno == EINTR;
  if (polled[0].revents != 0) return false;
  Clients staying;
  for (size_t i = 0; i < clients.size(); ++i) {
    if (polled[i + 2].revents == 0 || go_on(*clients[i])) staying.push_back(std::move(clients[i]));
  }
  clients = std::move(staying);
  if (polled[1].revents != 0) accept_into(clients);
  return true;
}

bool MetricsServer::go_on(Client& client) const {
  try {
    return client.go_on(text_);
  } catch (const std::exception&) {  // out of memory: this answer is lost
    return false;
  }
}

void MetricsServer::accept_into(Clients& clients) const {
  const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connection < 0) {
    // The client stays in the queue: without a pause the loop would ask again at once.
    if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return;
  }
  if (clients.size() >= most_clients) clients.erase(clients.begin());
  clients.push_back(std::make_unique<Client>(connection));
}

}  // namespace kumiko
