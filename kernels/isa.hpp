// Which instruction sets our kernels know, and which of them run on this CPU under this operating system.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oldiron {

enum class Isa : std::uint8_t {
#define ISA(id, features) id,
#include "kernels/isa.def"
#undef ISA
};

std::string_view to_string(Isa isa);
std::string_view features(Isa isa);

/// CPUID says yes, the OS saves the registers (and grants this process AMX's: the first call asks for them, so make it
/// before threads use tiles), and one instruction of each feature ran without a signal in a child.
bool runs_here(Isa isa);

/// Features that CPUID denies and whose instruction ran in a child all the same: a hypervisor hides them. Only those
/// are tried whose registers the OS saves, and "bmi2", which needs none and came with AVX2 on every CPU.
std::vector<std::string_view> features_denied();

/// All that run here, slowest first; never empty.
std::vector<Isa> isas_here();
Isa best_isa();

/// "automatic" gives best_isa(); throws Error for an unknown name or one that does not run here, naming those that do.
Isa isa_from_name(std::string_view name);

}  // namespace oldiron
