// Fingerprints of models: what must be equal for two measurements to be of the same model.
#pragma once

#include <string>
#include <string_view>

#include "core/model.hpp"

namespace oldiron {

/// 16 hex digits over the architecture, the routing, and every tensor's name, shape and type, in order.
std::string shapes_fingerprint(const ModelSpec& model);

/// shapes_fingerprint together with words that identify the weights ("generated, seed 1").
std::string model_fingerprint(const ModelSpec& model, std::string_view weights);

}  // namespace oldiron
