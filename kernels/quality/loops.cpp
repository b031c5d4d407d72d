#include "kernels/quality/loops.hpp"

#include <algorithm>

namespace oldiron {

Loop loop_at_end(std::span<const std::int32_t> text, std::size_t longest) {
  constexpr std::size_t kTimes = 4, kTokens = 16;
  for (std::size_t period = 1; period <= std::min(longest, text.size() / kTimes); ++period) {
    std::size_t begin = text.size() - period;
    while (begin > 0 && text[begin - 1] == text[begin - 1 + period]) --begin;
    if (text.size() - begin >= std::max(kTimes * period, kTokens)) return {period, begin};
  }
  return {};
}

}  // namespace oldiron
