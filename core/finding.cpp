#include "core/finding.hpp"

#include <algorithm>
#include <tuple>

namespace oldiron {

namespace {

constexpr int kBeforeAll = 100;

/// Smaller comes first.
std::tuple<int, double, int> order(const Finding& finding) {
  if (finding.weight >= kBeforeAll) return {0, 0, -finding.weight};
  switch (finding.stake.basis) {
    case StakeBasis::measured:
    case StakeBasis::computed:
      return {1, -finding.stake.high, -finding.weight};
    case StakeBasis::unknown:
      return {2, 0, -finding.weight};
    case StakeBasis::nothing:
      break;
  }
  return {3, 0, -finding.weight};
}

}  // namespace

void rank(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return order(a) < order(b); });
}

std::string_view to_string(Place place) {
  switch (place) {
    case Place::here:
      return "here";
    case Place::container_host:
      return "container_host";
    case Place::hypervisor:
      return "hypervisor";
    case Place::bios:
      return "bios";
    case Place::hardware:
      return "hardware";
  }
  return "";
}

std::string_view to_string(StakeBasis basis) {
  switch (basis) {
    case StakeBasis::measured:
      return "measured";
    case StakeBasis::computed:
      return "computed";
    case StakeBasis::unknown:
      return "unknown";
    case StakeBasis::nothing:
      return "nothing";
  }
  return "";
}

}  // namespace oldiron
