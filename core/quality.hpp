// What a lossy configuration loses beside the model's own, as a trial measured it.
#pragma once

#include <optional>
#include <string>

#include "core/trial.hpp"

namespace oldiron {

struct Quality {
  Measurement kl;    ///< nats per token; samples are texts, or chunks of one
  Measurement top1;  ///< share of tokens
  int texts = 0;
  int loops = -1,
      own_loops = -1;  ///< texts that end in a loop, with this configuration and with the model's own; -1: not measured
  bool operator==(const Quality&) const = default;
};

/// Nothing if the trial did not measure it.
std::optional<Quality> quality_of(const Trial& trial);

/// "KL 0.021 (0.018 to 0.025), top-1 96.1 % (95.0 to 97.2)", and how many texts looped if more did than by
/// themselves.
std::string quality_text(const Quality& quality);

}  // namespace oldiron
