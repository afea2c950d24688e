#include "kumiko/train/metrics_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

std::string metrics() { return "kumiko_step 7\n"; }

class Client {
 public:
  explicit Client(int64_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval longest{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  void send(const std::string& text) const { ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL); }
  // All that comes until the server closes.
  std::string receive() const {
    std::string text;
    std::array<char, 1024> piece{};
    for (ssize_t count; (count = ::recv(socket_, piece.data(), piece.size(), 0)) > 0;) {
      text.append(piece.data(), static_cast<size_t>(count));
    }
    return text;
  }

 private:
  int socket_;
  bool connected_ = false;
};

std::string ask(int64_t port, const std::string& request) {
  const Client client(port);
  EXPECT_TRUE(client.connected());
  client.send(request);
  return client.receive();
}

TEST(HttpResponse, IsOfTheFirstLine) {
  EXPECT_EQ(http_response("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", metrics),
            "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: 14\r\n"
            "Connection: close\r\n\r\nkumiko_step 7\n");
  const std::string head = http_response("HEAD /metrics HTTP/1.1\r\n\r\n", metrics);
  EXPECT_TRUE(head.starts_with("HTTP/1.0 200 OK\r\n"));
  EXPECT_NE(head.find("Content-Length: 14\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  const auto status = [](const std::string& request) {
    const std::string response = http_response(request, metrics);
    return response.substr(0, response.find('\r'));
  };
  EXPECT_EQ(status("GET /metrics?x=1 HTTP/1.1\r\n\r\n"), "HTTP/1.0 200 OK");
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.0 200 OK");
  EXPECT_EQ(status("GET /secrets HTTP/1.1\r\n\r\n"), "HTTP/1.0 404 Not Found");
  EXPECT_EQ(status("POST /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.0 405 Method Not Allowed");
  EXPECT_EQ(status("nonsense\r\n\r\n"), "HTTP/1.0 400 Bad Request");
  EXPECT_EQ(status("\r\n\r\n"), "HTTP/1.0 400 Bad Request");
}

TEST(MetricsServer, Answers) {
  std::atomic<int> asked = 0;
  const MetricsServer server("127.0.0.1", 0, [&asked] { return "kumiko_step " + std::to_string(++asked) + "\n"; });
  EXPECT_TRUE(ask(server.port(), "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("\r\n\r\nkumiko_step 1\n"));
  EXPECT_TRUE(ask(server.port(), "GET /metrics HTTP/1.0\n\n").ends_with("kumiko_step 2\n"));
}

TEST(MetricsServer, SurvivesBadClients) {
  const MetricsServer server("127.0.0.1", 0, metrics);
  { const Client silent(server.port()); }
  {
    const Client rude(server.port());
    rude.send("GET /metrics HTTP/1.1\r\n\r\n");  // and leaves before the answer
  }
  EXPECT_TRUE(ask(server.port(), std::string(20'000, 'x')).starts_with("HTTP/1.0 400"));
  EXPECT_TRUE(ask(server.port(), std::string("\0\xff\n\n", 4)).starts_with("HTTP/1.0 400"));
  EXPECT_TRUE(ask(server.port(), "GET /metrics HTTP/1.1\r\n\r\n").ends_with("kumiko_step 7\n"));
}

TEST(MetricsServer, SendsALongTextWhole) {
  const std::string text(8 << 20, 'k');  // more than the sockets' buffers hold
  const MetricsServer server("127.0.0.1", 0, [&text] { return text; });
  const std::string response = ask(server.port(), "GET /metrics HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(response.ends_with("\r\n\r\n" + text));
}

// They are there all the while: none of them is waited for, or sent away, before the others are served.
TEST(MetricsServer, SlowClientsHoldUpNobody) {
  const MetricsServer server("127.0.0.1", 0, metrics);
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 60; ++i) {
    slow.push_back(std::make_unique<Client>(server.port()));
    slow.back()->send(i % 3 == 0 ? "" : "GET /met");
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(ask(server.port(), "GET /metrics HTTP/1.1\r\n\r\n").ends_with("kumiko_step 7\n"));
  }
  for (size_t i = 0; i < slow.size(); ++i) {
    if (i % 3 == 0) continue;
    slow[i]->send("rics HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(slow[i]->receive().ends_with("kumiko_step 7\n")) << i;
  }
}

// More than it holds at once: those that came first have to go.
TEST(MetricsServer, AnswersBehindACrowd) {
  const MetricsServer server("127.0.0.1", 0, metrics);
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 300; ++i) slow.push_back(std::make_unique<Client>(server.port()));
  EXPECT_TRUE(ask(server.port(), "GET /metrics HTTP/1.1\r\n\r\n").ends_with("kumiko_step 7\n"));
}

// Clients that ask and do not take the answer.
TEST(MetricsServer, AnswersBesideClientsThatDoNotRead) {
  const std::string text(8 << 20, 'k');
  const MetricsServer server("127.0.0.1", 0, [&text] { return text; });
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(std::make_unique<Client>(server.port()));
    slow.back()->send("GET /metrics HTTP/1.1\r\n\r\n");
  }
  EXPECT_TRUE(ask(server.port(), "GET /metrics HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n" + text));
}

TEST(MetricsServer, EndsWhileAClientHangs) {
  std::optional<MetricsServer> server;
  server.emplace("127.0.0.1", 0, metrics);
  const Client hanging(server->port());
  hanging.send("GET /met");
  server.reset();
  EXPECT_EQ(hanging.receive().find("200"), std::string::npos);
}

TEST(MetricsServer, SaysWhereItCannotListen) {
  const MetricsServer first("127.0.0.1", 0, metrics);
  const auto error_of = [](const std::string& address, int64_t port) -> std::string {
    try {
      const MetricsServer second(address, port, metrics);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::environment);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(error_of("127.0.0.1", first.port()),
            "cannot listen on address 127.0.0.1, port " + std::to_string(first.port()) +
                ", for metrics: Address already in use; give another logging.prometheus_address or "
                "logging.prometheus_port");
  EXPECT_NE(error_of("localhost", 0).find("cannot listen on address localhost, port 0, for metrics: "),
            std::string::npos);
}

}  // namespace
}  // namespace kumiko
