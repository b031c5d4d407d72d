// Which type a quantiser gives to each tensor of a model.
#pragma once

#include <string_view>

#include "core/json_reader.hpp"
#include "core/model.hpp"

namespace oldiron {

/// Types every tensor by a profile of `card` or by one type for all, the head by `head_type` if that is not
/// empty. Throws Error naming the profiles and types there are.
void assign_types(ModelSpec& model, JsonReader& card, std::string_view type, std::string_view head_type);

}  // namespace oldiron
