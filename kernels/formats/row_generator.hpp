// Random rows of every type that has a known layout, computed here or not.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/tensor_type.hpp"

namespace oldiron {

/// As Format::generate: mean 0, standard deviation amplitude / sqrt(k).
using RowGenerator = void (*)(std::uint64_t key, std::int64_t k, float amplitude, std::byte* row);

/// nullptr for a type whose rows nobody here can make.
RowGenerator row_generator(TensorType type);

}  // namespace oldiron
