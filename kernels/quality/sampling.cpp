#include "kernels/quality/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.hpp"

namespace oldiron {

double UniformStream::next() {
  std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

std::int32_t draw(std::span<const float> logits, double uniform, std::span<const std::int32_t> never) {
  const auto allowed = [&](std::size_t token) {
    return std::find(never.begin(), never.end(), static_cast<std::int32_t>(token)) == never.end();
  };
  double largest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (double{logits[i]} > largest && allowed(i)) largest = double{logits[i]};
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (allowed(i)) sum += std::exp(double{logits[i]} - largest);
  double passed = 0;
  std::int32_t last = -1;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!allowed(i)) continue;
    const double part = std::exp(double{logits[i]} - largest);
    if (part > 0) last = static_cast<std::int32_t>(i);
    passed += part;
    if (passed > uniform * sum) return last;
  }
  CHECK(last >= 0, "a token that may be drawn");
  return last;  // rounding left the sum a hair below
}

}  // namespace oldiron
