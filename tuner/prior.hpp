// What the roofline says before a trial is run: which candidates come first, and which cannot win.
#pragma once

#include <string>

#include "core/roofline.hpp"

namespace oldiron {

/// What predictions are made from; an empty profile predicts nothing and prunes nothing.
struct Prior {
  const ModelSpec* model = nullptr;
  const Profile* profile = nullptr;
};

/// A rate that was measured, to scale from and to beat.
struct Reference {
  Config config;
  double tokens_per_s = 0;  ///< 0: none yet
};

/// Upper bound of the rate; 0 if unknown. Decode is bound by the bandwidth of its threads. Prefill scales
/// from `reference` by threads.
double ceiling_tokens_per_s(const Prior& prior, const Config& config, const Workload& workload, Phase phase,
                            const Reference& reference);

/// Rate to be expected, for planning time; falls back on the reference's rate. 0 if nothing is known.
double expected_tokens_per_s(const Prior& prior, const Config& config, const Workload& workload, Phase phase,
                             const Reference& reference);

/// A sentence if even the ceiling stays more than 25 % below what the reference reached, else empty.
std::string why_hopeless(const Prior& prior, const Config& config, const Workload& workload, Phase phase,
                         const Reference& reference);

}  // namespace oldiron
