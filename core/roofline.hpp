// The physical limits of a step: predicted time, and which wall holds it.
#pragma once

#include <string>

#include "core/machine.hpp"
#include "core/model.hpp"
#include "core/workload.hpp"

namespace oldiron {

struct Prediction {
  double decode_tokens_per_s = 0;   ///< ceiling: bandwidth / bytes per token
  double prefill_tokens_per_s = 0;  ///< ceiling; 0 if no compute rate is known
  double turn_s = 0;
  bool operator==(const Prediction&) const = default;
};

/// `flops_per_s`: a measured compute rate at this thread count, 0 if unknown (then prefill is only ordered by
/// threads).
Prediction predict(const ModelSpec& model, const Config& config, const Workload& workload,
                   const Profile& profile, double flops_per_s);

/// Which wall and how much of it: "memory" only if the bandwidth is saturated, else "per-core memory
/// parallelism".
struct Wall {
  std::string name = {};
  double fraction = 0;     ///< measured bytes per second / read bandwidth at that thread count
  double bytes_per_s = 0;  ///< what the decode moved
  double limit_bytes_per_s = 0;
  bool operator==(const Wall&) const = default;
};

Wall decode_wall(const ModelSpec& model, const Config& config, const Workload& workload,
                 const Profile& profile, double decode_tokens_per_s);

}  // namespace oldiron
