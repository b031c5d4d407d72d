#include "kernels/speculation/ngram_drafter.hpp"

#include <algorithm>

namespace oldiron {

namespace {

// One common token says little about the next; beyond three an exact repetition is found by three as well.
constexpr std::size_t kLongest = 3, kShortest = 2;

}  // namespace

std::vector<std::int32_t> NgramDrafter::propose(const DraftContext& context, int most) {
  const std::span<const std::int32_t> text = context.text;
  for (std::size_t n = kLongest; n >= kShortest; --n) {
    if (text.size() <= n) continue;
    const auto tail = text.last(n);
    for (std::size_t begin = text.size() - n; begin-- > 0;) {
      if (!std::equal(tail.begin(), tail.end(), text.begin() + static_cast<std::ptrdiff_t>(begin))) continue;
      std::vector<std::int32_t> proposed;
      for (std::size_t i = begin + n; proposed.size() < static_cast<std::size_t>(most); ++i)
        proposed.push_back(i < text.size() ? text[i] : proposed[i - text.size()]);
      return proposed;
    }
  }
  return {};
}

}  // namespace oldiron
