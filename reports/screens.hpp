// The screens of `oldiron model` and `oldiron probe`, as text and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/check.hpp"
#include "core/config.hpp"
#include "core/machine.hpp"
#include "core/model.hpp"
#include "core/workload.hpp"

namespace oldiron::reports {

/// What a model costs: all computed from its shapes; the ceilings need a measured or given bandwidth.
struct ModelScreen {
  ModelSpec model;
  Config config;             ///< experts, KV type and threads that the figures are for
  std::int64_t context = 0;  ///< tokens whose keys and values a decode step reads
  std::vector<std::int64_t> memory_contexts = {4096, 32768,
                                               131072};  ///< those beyond the model's own are left out
  Workload workload;
  Profile profile;         ///< empty: no ceilings
  double flops_per_s = 0;  ///< 0: the profile's compute peak, or no ceiling of the prefill
  Available<std::int64_t> usable_memory_bytes =
      Available<std::int64_t>::not_available("no machine was given");
};

std::string model_text(const ModelScreen& screen);

/// {"bytes_per_token": {"always_on", "head", "experts", "kv", "total", …}, "memory": […], "predicted": {…} |
/// null}
std::string model_json(const ModelScreen& screen);

struct ProbeScreen {
  Machine machine;
  MachineState state;
  Profile profile;
};

std::string probe_text(const ProbeScreen& screen);

/// {"machine": …, "state": …, "bandwidth": {"read": [{"threads", "bytes_per_s", "interval", …}]}, …}
std::string probe_json(const ProbeScreen& screen);

}  // namespace oldiron::reports
