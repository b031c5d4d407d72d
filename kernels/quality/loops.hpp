// Whether a text has fallen into a loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace oldiron {

/// A stretch at the end of a text that says the same again and again.
struct Loop {
  std::size_t period = 0;  ///< tokens of what is repeated; 0: the text does not end in a loop
  std::size_t begin = 0;   ///< where the first of the repetitions begins
};

/// Looks for the shortest period of at most `longest` tokens that fills the end of the text at least four
/// times, and at least 16 tokens of it: shorter repetitions occur in tables and verses.
Loop loop_at_end(std::span<const std::int32_t> text, std::size_t longest = 64);

}  // namespace oldiron
