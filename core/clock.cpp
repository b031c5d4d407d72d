#include "core/clock.hpp"

#include <cpuid.h>
#include <x86intrin.h>

#include <chrono>
#include <ctime>
#include <thread>

namespace oldiron {
namespace {

// Two readings of two clocks are apart by up to 0.1 us: over 10 ms that is 1e-5 of a duration.
constexpr double kCalibration_s = 10e-3;

/// Whether the time stamp counter runs at one rate in all states of the CPU (AMD and Intel: leaf 0x80000007,
/// EDX bit 8).
bool invariant_tsc() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) != 0 && (edx >> 8 & 1) != 0;
}

std::uint64_t steady_ns() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

const bool kTsc = invariant_tsc();

/// Where both clocks stood at the start of the program, so that the rate is usually known without a wait.
struct Anchor {
  double time_s = now_s();
  std::uint64_t tsc = __rdtsc();
};

const Anchor kAnchor;

double measured_tick_s() {
  if (!kTsc) return 1e-9;
  while (now_s() - kAnchor.time_s < kCalibration_s) std::this_thread::yield();
  const Anchor now;
  return (now.time_s - kAnchor.time_s) / static_cast<double>(now.tsc - kAnchor.tsc);
}

}  // namespace

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::uint64_t ticks_now() { return kTsc ? __rdtsc() : steady_ns(); }

double seconds_of(std::uint64_t ticks) {
  static const double tick_s = measured_tick_s();
  return static_cast<double>(ticks) * tick_s;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace oldiron
