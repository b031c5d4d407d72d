// Old Mixtral files keep every expert's matrices apart; here they become the tensors that files have since.
#pragma once

#include <memory>

#include "kernels/weight_source.hpp"

namespace oldiron {

/// blk.0.ffn_gate.0.weight [k, m], .1, ... as blk.0.ffn_gate_exps.weight [k, m, experts], likewise up and down. A source without
/// such tensors is returned as it is. Throws Error if experts are missing, or of different shapes or types.
std::unique_ptr<WeightSource> merged_experts(std::unique_ptr<WeightSource> source);

}  // namespace oldiron
