// Signals: a flag, a descriptor that wakes poll(), and a timer that ends what does not unwind by itself.
#include "runner/signals.hpp"

#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <initializer_list>

#include "core/check.hpp"

namespace oldiron {
namespace {

std::atomic<bool> interrupt_flag = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes it");
std::atomic<int> wake_fd = -1;

// Everything here is a plain system call on Linux, hence safe inside a handler.
void on_interrupt(int) {
  const int saved_errno = errno;
  if (interrupt_flag.exchange(true)) _exit(kExitInterrupted);
  const std::uint64_t one = 1;
  const ssize_t written = write(wake_fd, &one, sizeof one);
  static_cast<void>(written);
  const itimerval limit = {.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 900000}};
  setitimer(ITIMER_REAL, &limit, nullptr);
  errno = saved_errno;
}

void on_time_out(int) { _exit(kExitInterrupted); }

void handle(int signal_number, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;  // only poll(), which never restarts, has to notice
  CHECK(sigaction(signal_number, &action, nullptr) == 0, "a handler can be set");
}

}  // namespace

void install_interrupt_handlers() {
  if (wake_fd >= 0) return;
  wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) throw Error("cannot make an eventfd: raise the limit of open files (ulimit -n)");
  for (const int each : {SIGINT, SIGTERM, SIGHUP}) handle(each, on_interrupt);
  handle(SIGALRM, on_time_out);
}

bool interrupted() { return interrupt_flag; }

int interrupt_fd() { return wake_fd; }

void throw_if_interrupted() {
  if (interrupted()) throw Interrupted();
}

}  // namespace oldiron
