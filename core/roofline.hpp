// The physical limits of a step: predicted time, and which wall holds it.
#pragma once

#include <string>

#include "core/machine.hpp"
#include "core/model.hpp"
#include "core/workload.hpp"

namespace oldiron {

struct ModelStep;  // core/accounting.hpp

struct Prediction {
  double decode_tokens_per_s = 0;  ///< ceiling: bandwidth / bytes per token
  double prefill_tokens_per_s =
      0;  ///< ceiling: the slower of compute and bandwidth; 0 if no compute rate is known
  double turn_s = 0;
  bool operator==(const Prediction&) const = default;
};

/// What the prefill's products could at best do, and by which instruction; 0 and "" if it was not measured.
struct ComputeCeiling {
  double ops_per_s = 0;
  std::string instruction = {};
  bool operator==(const ComputeCeiling&) const = default;
};

/// The highest peak of the types that the model's weights and the activations allow, up to the ISA of
/// `config`. Between measured thread counts the next larger one's rate is shared out; beyond the largest
/// nothing is gained.
ComputeCeiling compute_ceiling(const ModelSpec& model, const Config& config, const Profile& profile);

/// Whether the larger part of the weights can be multiplied as int8 without another loss.
bool allows_int8(const ModelSpec& model, const Config& config);

/// `flops_per_s`: a compute rate at this thread count; 0: that of compute_ceiling() (without one prefill is
/// only ordered by threads).
Prediction predict(const ModelSpec& model, const Config& config, const Workload& workload,
                   const Profile& profile, double flops_per_s);

/// Which wall and how much of it: "memory" only if the bandwidth is saturated, else "per-core memory
/// parallelism"; "compute: vpdpbusd peak" where arithmetic takes longer than reading.
struct Wall {
  std::string name = {};
  double fraction = 0;     ///< measured rate / limit at that thread count; 0: not known
  double bytes_per_s = 0;  ///< what was moved; of a memory wall
  double limit_bytes_per_s = 0;
  bool own_pages = false;  ///< the limit was read of the weights' own pages, by the worker, around the decode
  double ops_per_s = 0;    ///< what was computed; of a compute wall
  double limit_ops_per_s = 0;
  bool operator==(const Wall&) const = default;
};

/// The limit is the larger of what the probe read of fresh pages and `own_bytes_per_s`, what the worker read
/// of the weights' own pages (0: not read).
Wall decode_wall(const ModelSpec& model, const Config& config, const Workload& workload,
                 const Profile& profile, double decode_tokens_per_s, double own_bytes_per_s = 0);

/// The wall that one step of several tokens meets first: of a verification or of streams, by the decode's threads. What is
/// left out of step_cost() is left out here. `own_bytes_per_s` as above.
Wall step_wall(const ModelSpec& model, const Config& config, const Profile& profile, const ModelStep& step, double step_s,
               double own_bytes_per_s = 0);

/// The wall that a prefill of the workload meets first: compute, or the memory when ubatches are small.
Wall prefill_wall(const ModelSpec& model, const Config& config, const Workload& workload,
                  const Profile& profile, double prefill_tokens_per_s);

}  // namespace oldiron
