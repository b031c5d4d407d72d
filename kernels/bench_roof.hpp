// The roof that a benchmark is taken of: what one thread of this process reads and multiplies at best.
#pragma once

#include <span>
#include <vector>

#include "kernels/peak.hpp"
#include "kernels/registry.hpp"

namespace oldiron {

struct MeasuredPeak {
  Isa isa;
  ComputeType type;
  double ops_per_s = 0;
};

struct BenchRoof {
  double bytes_per_s = 0;
  std::vector<MeasuredPeak> peaks;  ///< of ISAs that run here

  /// Seconds that so many bytes and operations take at least: the longer of both. A row is held to the peak
  /// of its own ISA, or of the next slower one that has the type; without any, only reading counts.
  double seconds(const Kernel& kernel, double bytes, double flops) const;
};

/// What a row multiplies.
ComputeType compute_type(const Kernel& kernel);

/// The best of every loop and prefetch distance over `memory`, and every peak that runs here; a second or
/// two.
BenchRoof measure_roof(std::span<const std::byte> memory);

}  // namespace oldiron
