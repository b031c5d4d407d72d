// Talking to a server on this machine.
#pragma once

#include <optional>
#include <string>

namespace oldiron {

/// A port of 127.0.0.1 that nobody listens on now.
int free_port();

struct HttpAnswer {
  int status = 0;  ///< 200
  std::string body = {};
};

/// One request over a connection of its own, with `json` as its body if it is not empty. Nothing if there is no answer by the deadline
/// (now_s()), or none of HTTP.
std::optional<HttpAnswer> http_request(int port, const std::string& method, const std::string& path, const std::string& json,
                                       double deadline_s);

}  // namespace oldiron
