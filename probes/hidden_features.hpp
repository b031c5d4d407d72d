// Instruction sets that a guest's CPU has and its hypervisor does not show: where an old server is virtualised, often
// the largest loss of all.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace oldiron {

struct HiddenFeatures {
  std::vector<std::string> proven = {};   ///< ran here although CPUID denies them
  std::vector<std::string> expected = {};  ///< that CPUs of this family and model have
  bool masked_model = false;               ///< a model that no maker sells: what the host has cannot be known
  bool operator==(const HiddenFeatures&) const = default;
};

/// Of the text of /proc/cpuinfo; `denied` gives what runs although CPUID denies it (features_denied()).
///
/// Families and models: Intel SDM volume 4, table 2-1; AMD's revision guides. Pentium and Celeron are left out: their
/// chips have features that their names do not.
HiddenFeatures hidden_features(std::string_view cpuinfo, const std::function<std::vector<std::string_view>()>& denied);

}  // namespace oldiron
