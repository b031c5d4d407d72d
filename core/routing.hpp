// Routing: how tokens choose experts, and so how many distinct ones a step of several tokens reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oldiron {

/// A declared assumption until a run of the model has counted: see `measured`.
struct Routing {
  enum class Kind : std::uint8_t {
    independent,  ///< each token draws its experts evenly, whatever the others drew: the upper end
    zipf,         ///< as independent, but the r-th most popular expert draws in proportion to r^-exponent
    sticky,       ///< a token keeps `kept` of the experts of the token before it, and draws the rest evenly
    measured,     ///< `distinct` was counted in a real run
  };
  Kind kind = Kind::independent;
  double exponent = 1;                ///< of zipf
  double kept = 0.5;                  ///< of sticky: share of the predecessor's experts
  std::vector<double> distinct = {};  ///< of measured: mean experts per layer of 1, 2, 3 .. tokens
  bool operator==(const Routing&) const = default;
};

/// The setting that stands beside `independent` wherever neighbouring tokens are verified together. No
/// figure of a model: half is declared, and a run that counts replaces it.
inline Routing sticky_half() { return {.kind = Routing::Kind::sticky, .kept = 0.5}; }

/// Mean number of distinct experts of a layer that `tokens` tokens touch, each `used` of `expert_count`.
///
/// independent: E (1 - (1 - k/E)^T). zipf: expert r is used by a token with 1 - exp(-l r^-s), l such that
/// these sum to k (exponential clocks, the k first to ring). sticky: U(t+1) = U(t) + (1 - kept) k
/// (1 - (U(t) - k) / (E - k)), which is independent at kept = k/E. measured: between its points linear, beyond
/// the last one as independent tokens would add.
double distinct_experts(const Routing& routing, int expert_count, int used, int tokens);

/// "independent", "zipf:1", "sticky:0.5", "measured:8,13.1,17"; throws Error.
Routing routing_from_text(std::string_view text);

std::string to_string(const Routing& routing);

}  // namespace oldiron
