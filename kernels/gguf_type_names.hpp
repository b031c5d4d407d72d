// Names of tensor types that are neither sized nor computed here.
#pragma once

#include <string>

namespace oldiron {

/// "type 144, IQ4_KS of ik_llama.cpp", or "type 999" where no engine of today has one.
std::string gguf_type_name(int gguf_type);

}  // namespace oldiron
