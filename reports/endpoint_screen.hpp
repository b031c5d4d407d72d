// What a measured endpoint looks like: on a terminal, and as JSON.
#pragma once

#include <optional>
#include <string>

#include "core/endpoint.hpp"

namespace oldiron::reports {

/// 80 columns; with `tuned` the comparison behind it.
std::string endpoint_text(const EndpointSpeed& speed, const std::optional<TunedSpeed>& tuned);

/// {"url", "model", "prompt_tokens", …, "tuned": null or {…}}
std::string endpoint_json(const EndpointSpeed& speed, const std::optional<TunedSpeed>& tuned);

}  // namespace oldiron::reports
