#include "runner/noise_gate.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "runner/process.hpp"
#include "runner/signals.hpp"

namespace oldiron {
namespace {

// 25 ticks of 10 ms: a neighbour of a fifth of a CPU shows.
constexpr double kGateLook_s = 0.25;
// After a wait in vain: long enough that a pause between two of a neighbour's jobs is found now and then.
constexpr double kShortPatience_s = 1;

std::string load_text(const Noise& noise) {
  std::string text;
  for (const Disturbance each : disturbances(noise))
    text += (text.empty() ? "" : "; ") + describe(each, noise);
  return text;
}

}  // namespace

void NoiseGate::sleep_unless_interrupted(double seconds) {
  const double until_s = now_s() + seconds;
  do {
    throw_if_interrupted();
    pollfd interrupt = {interrupt_fd(), POLLIN, 0};
    poll(&interrupt, 1, poll_ms(until_s));
  } while (now_s() < until_s);
  throw_if_interrupted();
}

NoiseGate::NoiseGate(double patience_s) : NoiseGate(patience_s, Sources()) {}

NoiseGate::NoiseGate(double patience_s, Sources sources)
    : patience_s_(patience_s), sources_(std::move(sources)) {}

NoiseGate::Look NoiseGate::wait(const std::function<double()>& running_cpu_s) {
  const double patience_s = in_vain_ ? std::min(kShortPatience_s, patience_s_) : patience_s_;
  const auto snapshot = [&] {
    NoiseSnapshot now = sources_.noise();
    now.own_s += running_cpu_s();
    return now;
  };
  const std::vector<ProcessTime> processes = sources_.processes();
  const NoiseSnapshot first = snapshot();
  for (NoiseSnapshot before = first;;) {
    sources_.sleep(kGateLook_s);
    const NoiseSnapshot now = snapshot();
    Look look{.waited_s = now.time_s - first.time_s};
    Noise noise = noise_between(before, now);
    in_vain_ = !disturbances(noise).empty();
    if (!in_vain_) return look;
    if (look.waited_s + kGateLook_s > patience_s) {
      noise.neighbour = busiest_between(processes, sources_.processes(), look.waited_s);
      look.load = load_text(noise);
      return look;
    }
    before = now;
  }
}

std::string load_tag(const NoiseGate::Look& look) {
  return fmt::format("under this load: {}; it was not quiet within {}", look.load,
                     seconds_text(look.waited_s));
}

}  // namespace oldiron
