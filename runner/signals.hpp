// Signals: Ctrl-C, a hang-up and a termination request end the command with exit code 130 within a second.
#pragma once

#include <exception>

namespace oldiron {

inline constexpr int kExitInterrupted = 130;

/// Thrown out of a running trial; nothing but app/main.cpp catches it, and returns kExitInterrupted.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

/// From now on SIGINT, SIGTERM and SIGHUP set the flag below. The command then has 0.9 s to unwind; after
/// that, or at a second signal, the process ends with code 130 where it stands: its guards see their
/// lifelines close.
void install_interrupt_handlers();

bool interrupted();

/// Becomes readable with the flag, for poll(); -1 before install_interrupt_handlers().
int interrupt_fd();

/// Throws Interrupted if the flag is set.
void throw_if_interrupted();

}  // namespace oldiron
