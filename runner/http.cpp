#include "runner/http.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

#include "core/check.hpp"
#include "core/clock.hpp"
#include "runner/descriptor.hpp"
#include "runner/process.hpp"
#include "runner/signals.hpp"

namespace oldiron {
namespace {

constexpr double kTick_s = 0.02;

struct FreeAddresses {
  void operator()(addrinfo* first) const { freeaddrinfo(first); }
};

std::string text_of(const HttpRequest& request) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n", request.method, request.path, request.host, request.port);
  if (!request.api_key.empty()) text += fmt::format("Authorization: Bearer {}\r\n", request.api_key);
  if (!request.json.empty()) text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", request.json.size());
  return text + "\r\n" + request.json;
}

/// One request on its way: connecting, sending, receiving.
class Exchange {
 public:
  explicit Exchange(const HttpRequest& request) : unsent_(text_of(request)) {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(request.host.c_str(), std::to_string(request.port).c_str(), &hints, &found);
    addresses_.reset(found);
    next_ = found;
    if (error == 0) connect_next();
    else fail(fmt::format("is not known here: {}", gai_strerror(error)));
  }

  bool done() const { return over_ || reader_.done(); }

  pollfd polled() const { return {done() ? -1 : socket_.get(), static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT), 0}; }

  /// Something happened at the socket.
  void go_on() {
    if (connecting_ && !connected()) return;
    if (!unsent_.empty()) send_more();
    if (!done()) receive();
  }

  void fail(std::string error, bool timed_out = false) {
    if (done()) return;
    over_ = true;
    failed_s_ = now_s();
    failure_ = std::move(error);
    timed_out_ = timed_out;
    socket_.close();
  }

  HttpAnswer answer() const {
    HttpAnswer answer = reader_.answer();
    answer.sent_s = sent_s_;
    if (over_) {
      answer.error = failure_;
      answer.ended_s = failed_s_;
    }
    answer.timed_out = timed_out_;
    return answer;
  }

 private:
  void connect_next() {
    for (; next_ != nullptr; next_ = next_->ai_next) {
      socket_ = Descriptor(socket(next_->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (!socket_) continue;
      const int on = 1;  // a request is one piece, and is on its way at once
      setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (::connect(socket_.get(), next_->ai_addr, next_->ai_addrlen) == 0 || errno == EINPROGRESS) {
        connecting_ = true;
        next_ = next_->ai_next;
        return;
      }
      refusal_ = errno;
    }
    fail(fmt::format("takes no connection: {}", std::strerror(refusal_)));
  }

  bool connected() {
    socklen_t size = sizeof refusal_;
    getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &refusal_, &size);
    connecting_ = refusal_ != 0;
    if (connecting_) connect_next();
    return !connecting_;
  }

  void send_more() {
    if (sent_s_ == 0) sent_s_ = now_s();
    const ssize_t sent = send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent > 0) unsent_.erase(0, static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) unsent_.clear();  // what it answered before it closed is still to be read
  }

  void receive() {
    char bytes[16384];
    // Bounded, so that a server that babbles for ever does not keep us from looking at the clock.
    for (int round = 0; round < 16 && !reader_.done(); ++round) {
      const ssize_t got = recv(socket_.get(), bytes, sizeof bytes, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (got <= 0) return reader_.close(now_s());
      reader_.feed({bytes, static_cast<std::size_t>(got)}, now_s());
    }
  }

  std::string unsent_;
  std::unique_ptr<addrinfo, FreeAddresses> addresses_;
  addrinfo* next_ = nullptr;
  Descriptor socket_;
  bool connecting_ = false, over_ = false, timed_out_ = false;
  int refusal_ = 0;
  std::string failure_;
  double sent_s_ = 0, failed_s_ = 0;
  HttpReader reader_;
};

}  // namespace

HttpRequest parse_url(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  const auto refused = [&](const char* why) { return Error(fmt::format("{}: {}; write it like http://127.0.0.1:8080", url, why)); };
  if (url.starts_with("https://")) throw refused("no encrypted connection can be measured, a server on this machine needs none");
  if (!url.starts_with(kScheme)) throw refused("no address of a server");
  if (std::any_of(url.begin(), url.end(), [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; }))
    throw refused("an address has no blanks");
  std::string_view rest = std::string_view(url).substr(kScheme.size());
  const auto slash = rest.find('/');
  HttpRequest request;
  request.path = slash == std::string_view::npos ? "" : std::string(rest.substr(slash));
  while (request.path.ends_with('/')) request.path.pop_back();
  rest = rest.substr(0, slash);
  request.port = 80;
  // [::1]:8080
  const auto closing = rest.find(']');
  const auto colon = rest.find(':', closing == std::string_view::npos ? 0 : closing);
  if (colon != std::string_view::npos) {
    const std::string_view digits = rest.substr(colon + 1);
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), request.port);
    if (error != std::errc() || stop != digits.data() + digits.size() || request.port < 1 || request.port > 65535) throw refused("its port is no number from 1 to 65535");
  }
  request.host = rest.substr(0, colon);
  if (closing != std::string_view::npos && request.host.starts_with('[')) request.host = request.host.substr(1, closing - 1);
  if (request.host.empty()) throw refused("it names no host");
  return request;
}

std::vector<HttpAnswer> http_exchange(std::span<const HttpRequest> requests, double deadline_s, const std::function<bool()>& meanwhile) {
  throw_if_interrupted();
  std::vector<Exchange> exchanges;
  exchanges.reserve(requests.size());
  for (const HttpRequest& request : requests) exchanges.emplace_back(request);
  const auto fail_rest = [&](const std::string& why, bool timed_out) {
    for (Exchange& each : exchanges) each.fail(why, timed_out);
  };
  std::vector<pollfd> polled;
  while (!std::all_of(exchanges.begin(), exchanges.end(), [](const Exchange& each) { return each.done(); })) {
    polled.clear();
    for (const Exchange& each : exchanges) polled.push_back(each.polled());
    polled.push_back({interrupt_fd(), POLLIN, 0});
    poll(polled.data(), polled.size(), poll_ms(meanwhile ? std::min(deadline_s, now_s() + kTick_s) : deadline_s));
    throw_if_interrupted();
    for (std::size_t i = 0; i < exchanges.size(); ++i)
      if (polled[i].revents != 0) exchanges[i].go_on();
    if (now_s() >= deadline_s) fail_rest("gave no whole answer in time", true);
    else if (meanwhile && !meanwhile()) fail_rest("was given up", false);
  }
  std::vector<HttpAnswer> answers;
  for (const Exchange& each : exchanges) answers.push_back(each.answer());
  return answers;
}

HttpAnswer http_exchange(const HttpRequest& request, double deadline_s, const std::function<bool()>& meanwhile) {
  return http_exchange(std::span(&request, 1), deadline_s, meanwhile).front();
}

int free_port(int wanted) {
  const Descriptor socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;  // connections that were closed a moment ago do not count
  setsockopt(socket_fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(wanted));
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (wanted != 0 && bind(socket_fd.get(), generic, size) != 0) return free_port();
  if (wanted == 0 && (bind(socket_fd.get(), generic, size) != 0 || getsockname(socket_fd.get(), generic, &size) != 0))
    throw Error(fmt::format("no port of 127.0.0.1 can be had: {}", std::strerror(errno)));
  return ntohs(address.sin_port);
}

}  // namespace oldiron
