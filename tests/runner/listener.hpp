// A listening socket on a free port of this machine.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "runner/descriptor.hpp"

namespace oldiron::test {

class Listener {
 public:
  Listener() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_.get(), generic, size), 0);
    EXPECT_EQ(listen(socket_.get(), 16), 0);
    EXPECT_EQ(getsockname(socket_.get(), generic, &size), 0);
    port_ = ntohs(address.sin_port);
  }

  int port() const { return port_; }
  int descriptor() const { return socket_.get(); }

  /// Waits for a client.
  Descriptor next() const { return Descriptor(accept(socket_.get(), nullptr, nullptr)); }

 private:
  Descriptor socket_;
  int port_ = 0;
};

}  // namespace oldiron::test
