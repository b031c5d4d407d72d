// A small HTTP/1.1 client for servers on this machine: several requests at once, and something else done meanwhile.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "runner/http_reader.hpp"

namespace oldiron {

struct HttpRequest {
  std::string host = "127.0.0.1";  ///< a name or an address
  int port = 0;
  std::string method = "GET";
  std::string path = "/";
  std::string json = {};     ///< the body; empty: none
  std::string api_key = {};  ///< sent as a bearer's token; empty: none
};

/// Where "http://127.0.0.1:11434/v1" points to; the request's path is "/v1", without a slash at its end. Throws Error for
/// anything but plain HTTP.
HttpRequest parse_url(const std::string& url);

/// Sends all requests at once, each over a connection of its own, and waits for all answers, in the requests' order. An answer
/// that does not come, or not by the deadline (now_s()), tells so itself. `meanwhile` is asked some fifty times a second; once
/// it says false, what is missing is given up. Throws Interrupted (runner/signals.hpp).
std::vector<HttpAnswer> http_exchange(std::span<const HttpRequest> requests, double deadline_s, const std::function<bool()>& meanwhile = {});

HttpAnswer http_exchange(const HttpRequest& request, double deadline_s, const std::function<bool()>& meanwhile = {});

/// A port of 127.0.0.1 that nobody listens on now: `wanted` if that is one, else another.
int free_port(int wanted = 0);

}  // namespace oldiron
