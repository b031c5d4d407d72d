// Thrown out of a running trial when a signal ends the command.
#pragma once

#include <exception>

namespace oldiron {

/// That trial is no result and is kept nowhere. Caught by tune(), which ends, and by app/main.cpp.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

}  // namespace oldiron
