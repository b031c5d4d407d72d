// Identity of a machine, and look-ups in what was measured on it.
#include "core/machine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"

namespace oldiron {

double Profile::best_read_bytes_per_s() const {
  double best = 0;
  for (const BandwidthPoint& point : read) best = std::max(best, point.bytes_per_s.median);
  return best;
}

const BandwidthPoint* Profile::read_point(int threads) const {
  const BandwidthPoint* nearest_below = nullptr;
  const BandwidthPoint* fewest = nullptr;
  for (const BandwidthPoint& point : read) {
    if (fewest == nullptr || point.threads < fewest->threads) fewest = &point;
    if (point.threads > threads) continue;
    if (nearest_below == nullptr || point.threads > nearest_below->threads) nearest_below = &point;
  }
  return nearest_below != nullptr ? nearest_below : fewest;
}

double Profile::read_bytes_per_s(int threads) const {
  const BandwidthPoint* point = read_point(threads);
  return point == nullptr ? 0 : point->bytes_per_s.median;
}

std::string_view to_string(ComputeType type) {
  switch (type) {
    case ComputeType::int8:
      return "int8";
    case ComputeType::bf16:
      return "bf16";
    case ComputeType::f32:
      return "f32";
  }
  return "";
}

std::string fingerprint(const Machine& machine) {
  std::string text = fmt::format("{}|{}|{}", machine.cpu_model, machine.packages, machine.nodes);
  if (machine.modules) {
    const MemoryModules& modules = *machine.modules;
    text +=
        fmt::format("|{}|{}|{}|{}", modules.type, modules.populated, modules.slots, modules.transfers_per_s);
  }
  return hex16(hash64(text));
}

}  // namespace oldiron
