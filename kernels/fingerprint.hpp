// Fingerprints of models: what must be equal for two measurements to be of the same model.
#pragma once

#include <string>
#include <string_view>

#include "core/model.hpp"
#include "kernels/gguf.hpp"

namespace oldiron {

/// 16 hex digits over the architecture, the routing, and every tensor's name, shape and type, in order.
std::string shapes_fingerprint(const ModelSpec& model);

/// shapes_fingerprint together with words that identify the weights ("generated, seed 1").
std::string model_fingerprint(const ModelSpec& model, std::string_view weights);

/// shapes_fingerprint together with all keys, the size of the file (of all parts) and 64 blocks of 4 KiB spread over
/// it: 70 GB are not read for it. Throws Error if the file cannot be read.
std::string file_fingerprint(const GgufHeader& header, const ModelSpec& model);

}  // namespace oldiron
