// Copying out of a mapped file whose pages may be gone.
#include "kernels/mapped_copy.hpp"

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstring>

namespace oldiron {

namespace {

thread_local sigjmp_buf* landing = nullptr;  ///< of the copy that this thread is in
struct sigaction earlier {};

void on_bus_error(int, siginfo_t*, void*) {
  if (landing != nullptr) siglongjmp(*landing, 1);
  sigaction(SIGBUS, &earlier, nullptr);  // the access is repeated when this returns, and is theirs then
}

void take_over() {
  static const bool taken = [] {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;  // the jump leaves the handler without unblocking the signal
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, &earlier) == 0;
  }();
  static_cast<void>(taken);
}

}  // namespace

bool copy_mapped(std::byte* out, const std::byte* mapped, std::size_t bytes) {
  take_over();
  sigjmp_buf here;
  if (sigsetjmp(here, 0) != 0) {
    landing = nullptr;
    return false;
  }
  landing = &here;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(out, mapped, bytes);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  landing = nullptr;
  return true;
}

}  // namespace oldiron
