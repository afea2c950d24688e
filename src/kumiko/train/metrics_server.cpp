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

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

constexpr size_t longest_request = 8192;
// For one client to ask and to take its answer; others wait meanwhile.
constexpr auto patience = std::chrono::milliseconds(500);
using Deadline = std::chrono::steady_clock::time_point;

int milliseconds_left(Deadline deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::max<int64_t>(0, left));
}

// Waits for `events` on `connection` until the deadline, or until `stop` can be read.
bool ready(int connection, short events, int stop, Deadline deadline) {
  std::array<pollfd, 2> polled{{{connection, events, 0}, {stop, POLLIN, 0}}};
  const int count = ::poll(polled.data(), polled.size(), milliseconds_left(deadline));
  return count > 0 && polled[1].revents == 0 && polled[0].revents != 0;
}

std::string receive_request(int connection, int stop, Deadline deadline) {
  std::string request;
  std::array<char, 2048> piece;
  while (request.size() < longest_request && request.find("\n\r\n") == std::string::npos &&
         request.find("\n\n") == std::string::npos) {
    if (!ready(connection, POLLIN, stop, deadline)) break;
    const ssize_t count = ::recv(connection, piece.data(), piece.size(), MSG_DONTWAIT);
    if (count <= 0) break;
    request.append(piece.data(), static_cast<size_t>(count));
  }
  return request;
}

void send_response(int connection, std::string_view response, int stop, Deadline deadline) {
  while (!response.empty() && ready(connection, POLLOUT, stop, deadline)) {
    const ssize_t count = ::send(connection, response.data(), response.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count <= 0) return;
    response.remove_prefix(static_cast<size_t>(count));
  }
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

void MetricsServer::loop() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);  // signals are for the training's thread
  pthread_setname_np(pthread_self(), "kumiko-metrics");
  for (;;) {
    std::array<pollfd, 2> polled{{{listener_, POLLIN, 0}, {stop_, POLLIN, 0}}};
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    if (polled[1].revents != 0) return;
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) {
      if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    answer(connection);
    ::close(connection);
  }
}

void MetricsServer::answer(int connection) const {
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  const std::string request = receive_request(connection, stop_, deadline);
  if (request.empty()) return;
  try {
    send_response(connection, http_response(request, text_), stop_, deadline);
  } catch (const std::exception&) {  // out of memory: this answer is lost
    return;
  }
  // A client that is still sending would otherwise lose the answer to a reset.
  ::shutdown(connection, SHUT_WR);
  std::array<char, 2048> rest;
  while (ready(connection, POLLIN, stop_, deadline) && ::recv(connection, rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
  }
}

}  // namespace kumiko
