#include "runner/audit/loopback.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "core/check.hpp"
#include "core/clock.hpp"
#include "runner/descriptor.hpp"
#include "runner/process.hpp"
#include "runner/signals.hpp"

namespace oldiron {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

/// False at the deadline.
bool ready(int fd, short what, double deadline_s) {
  pollfd polled[] = {{fd, what, 0}, {interrupt_fd(), POLLIN, 0}};
  const int count = poll(polled, 2, poll_ms(deadline_s));
  throw_if_interrupted();
  return count > 0;
}

}  // namespace

int free_port() {
  const Descriptor socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (!socket_fd || bind(socket_fd.get(), generic, size) != 0 || getsockname(socket_fd.get(), generic, &size) != 0)
    throw Error(fmt::format("no port of 127.0.0.1 can be had: {}", std::strerror(errno)));
  return ntohs(address.sin_port);
}

std::optional<HttpAnswer> http_request(int port, const std::string& method, const std::string& path, const std::string& json,
                                       double deadline_s) {
  constexpr std::size_t kLongest = 1 << 22;
  const Descriptor socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  if (!socket_fd || connect(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  const std::string request = fmt::format(
      "{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", method, path,
      json.size(), json);
  if (send(socket_fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return {};
  std::string answer;
  char bytes[16384];
  while (answer.size() < kLongest && ready(socket_fd.get(), POLLIN, deadline_s)) {
    const ssize_t got = recv(socket_fd.get(), bytes, sizeof bytes, 0);
    if (got < 0) return {};
    if (got == 0) break;
    answer.append(bytes, static_cast<std::size_t>(got));
  }
  constexpr std::size_t kStatus = 9;  // behind "HTTP/1.1 "
  HttpAnswer read;
  if (!answer.starts_with("HTTP/1.") || answer.size() < kStatus + 3) return {};
  std::from_chars(answer.data() + kStatus, answer.data() + kStatus + 3, read.status);
  const auto body = answer.find("\r\n\r\n");
  if (body != std::string::npos) read.body = answer.substr(body + 4);
  return read;
}

}  // namespace oldiron
