#include "runner/http.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "core/check.hpp"
#include "core/clock.hpp"
#include "runner/descriptor.hpp"
#include "tests/runner/listener.hpp"

namespace oldiron::http_test {
namespace {

using testing::HasSubstr;

constexpr double kPatience_s = 60;

/// Takes connections one after the other, reads the request and answers with the given text; then closes, or waits.
class Server {
 public:
  explicit Server(std::string answer, int connections = 1, bool closes = true) {
    thread_ = std::thread([this, answer = std::move(answer), connections, closes] {
      std::vector<Descriptor> kept;
      for (int i = 0; i < connections; ++i) {
        Descriptor peer = listener_.next();
        char bytes[65536];
        const ssize_t got = recv(peer.get(), bytes, sizeof bytes, 0);
        if (got > 0) request.append(bytes, static_cast<std::size_t>(got));
        send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        if (!closes) kept.push_back(std::move(peer));
      }
      pollfd until_told = {-1, 0, 0};
      while (!kept.empty() && !over_) poll(&until_told, 1, 5);
    });
  }

  ~Server() {
    over_ = true;
    thread_.join();
  }

  int port() const { return listener_.port(); }

  std::string request;

 private:
  test::Listener listener_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

const std::string kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST(Http, SendsWhatIsAskedAndReadsTheAnswer) {
  std::string request;
  {
    Server server(kHello);
    const HttpAnswer answer = http_exchange({.port = server.port(), .method = "POST", .path = "/x", .json = "{}", .api_key = "k3y"}, now_s() + kPatience_s);
    EXPECT_TRUE(answer.ok()) << answer.error;
    EXPECT_EQ(answer.body, "hello");
    EXPECT_GT(answer.sent_s, 0);
    EXPECT_GE(answer.ended_s, answer.sent_s);
    request = server.request;
  }
  EXPECT_THAT(request, testing::StartsWith("POST /x HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Authorization: Bearer k3y\r\n"));
  EXPECT_THAT(request, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_THAT(request, testing::EndsWith("\r\n\r\n{}"));
}

TEST(Http, SeveralAtOnce) {
  Server server(kHello, 3);
  const std::vector<HttpRequest> requests(3, {.host = "localhost", .port = server.port()});
  for (const HttpAnswer& answer : http_exchange(requests, now_s() + kPatience_s)) EXPECT_EQ(answer.body, "hello") << answer.error;
}

TEST(Http, NobodyAnswersOnAFreePort) {
  const int port = free_port();
  EXPECT_GT(port, 0);
  const HttpAnswer answer = http_exchange({.port = port}, now_s() + kPatience_s);
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(answer.error, "takes no connection: Connection refused");
}

TEST(Http, ADeadlineEndsASilentServer) {
  Server server("HTTP/1.1 200 OK\r\n", 1, false);
  const HttpAnswer answer = http_exchange({.port = server.port()}, now_s() + 0.2);
  EXPECT_TRUE(answer.timed_out);
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.error, HasSubstr("in time"));
}

TEST(Http, IsGivenUpOnceTheOtherThingSaysSo) {
  Server server("", 1, false);
  int asked = 0;
  const HttpAnswer answer = http_exchange({.port = server.port()}, now_s() + kPatience_s, [&] { return ++asked < 3; });
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(answer.error, "was given up");
  EXPECT_FALSE(answer.timed_out);
}

TEST(ParseUrl, OfALocalServer) {
  const HttpRequest request = parse_url("http://127.0.0.1:11434/v1/");
  EXPECT_EQ(request.host, "127.0.0.1");
  EXPECT_EQ(request.port, 11434);
  EXPECT_EQ(request.path, "/v1");
  EXPECT_EQ(parse_url("http://box").port, 80);
  EXPECT_EQ(parse_url("http://box").path, "");
  EXPECT_EQ(parse_url("http://[::1]:8080").host, "::1");
  EXPECT_EQ(parse_url("http://[::1]:8080").port, 8080);
}

TEST(ParseUrl, RefusesWhatItCannotReach) {
  for (const char* url : {"", "127.0.0.1:80", "https://x", "http://", "http://x:0", "http://x:70000", "http://x:8a", "http://x/\r\nHost: y", "http://a b/"})
    EXPECT_THROW(parse_url(url), Error) << url;
}

}  // namespace
}  // namespace oldiron::http_test
