// Finding out which instruction sets run here: CPUID, the registers that the OS saves, and really executing.
#include "kernels/isa.hpp"

#include <cpuid.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "core/check.hpp"
#include "kernels/ops/tile_registers.hpp"

namespace oldiron {
namespace {

struct IsaInfo {
  std::string_view name, features;
};

constexpr IsaInfo kIsas[] = {
#define ISA(id, features) {#id, features},
#include "kernels/isa.def"
#undef ISA
};

constexpr std::uint32_t kAvxState = 0x06;     // XCR0: xmm, ymm
constexpr std::uint32_t kAvx512State = 0xe6;  // and opmask, upper zmm, high zmm

constexpr std::uint32_t kTileState = 0x600e6;  // and the tiles' shapes, the tiles

constexpr TileShapes kOneTile = TileShapes().set(0, 16, 64).set(1, 16, 64).set(2, 16, 64);

// One feature: where CPUID says so, what XCR0 must contain, and an instruction that only it has.
struct Feature {
  std::string_view name;
  unsigned leaf, subleaf, reg, bit;  // reg: 0 eax, 1 ebx, 2 ecx, 3 edx
  std::uint32_t state;
  void (*execute)();
};

const Feature kFeatures[] = {
    {"fma", 1, 0, 2, 12, kAvxState,
     [] {
       asm volatile("vfmadd213ps %%ymm0, %%ymm0, %%ymm0" ::: "xmm0");
     }},
    {"f16c", 1, 0, 2, 29, kAvxState,
     [] {
       asm volatile("vcvtph2ps %%xmm0, %%ymm0" ::: "xmm0");
     }},
    {"avx2", 7, 0, 1, 5, kAvxState,
     [] {
       asm volatile("vpaddb %%ymm0, %%ymm0, %%ymm0" ::: "xmm0");
     }},
    {"avx512f", 7, 0, 1, 16, kAvx512State,
     [] {
       asm volatile("vpaddd %%zmm0, %%zmm0, %%zmm0" ::: "xmm0");
     }},
    {"avx512dq", 7, 0, 1, 17, kAvx512State,
     [] {
       asm volatile("vpmullq %%zmm0, %%zmm0, %%zmm0" ::: "xmm0");
     }},
    {"avx512bw", 7, 0, 1, 30, kAvx512State,
     [] {
       asm volatile("vpaddb %%zmm0, %%zmm0, %%zmm0" ::: "xmm0");
     }},
    {"avx512vl", 7, 0, 1, 31, kAvx512State,
     [] {
       asm volatile("vprord $1, %%ymm0, %%ymm0" ::: "xmm0");
     }},
    {"avx512vnni", 7, 0, 2, 11, kAvx512State,
     [] {
       asm volatile("vpdpbusd %%zmm0, %%zmm0, %%zmm0" ::: "xmm0");
     }},
    {"avx512bf16", 7, 1, 0, 5, kAvx512State,
     [] {
       asm volatile("vdpbf16ps %%zmm0, %%zmm0, %%zmm0" ::: "xmm0");
     }},
    {"amx-tile", 7, 0, 3, 24, kTileState,
     [] { asm volatile("ldtilecfg %0; tilezero %%tmm0; tilerelease" ::"m"(kOneTile)); }},
    {"amx-int8", 7, 0, 3, 25, kTileState,
     [] { asm volatile("ldtilecfg %0; tdpbssd %%tmm2, %%tmm1, %%tmm0; tilerelease" ::"m"(kOneTile)); }},
    {"amx-bf16", 7, 0, 3, 22, kTileState,
     [] { asm volatile("ldtilecfg %0; tdpbf16ps %%tmm2, %%tmm1, %%tmm0; tilerelease" ::"m"(kOneTile)); }},
};

// No kernel of ours needs it by itself; it shows that the CPU has AVX2 where the hypervisor keeps AVX's registers back.
const Feature kBmi2 = {"bmi2", 7, 0, 1, 8, 0, [] { asm volatile("rorx $1, %%eax, %%eax" ::: "eax"); }};

bool cpuid_has(const Feature& feature) {
  std::array<unsigned, 4> regs{};
  if (__get_cpuid_count(feature.leaf, feature.subleaf, &regs[0], &regs[1], &regs[2], &regs[3]) == 0)
    return false;
  return (regs[feature.reg] >> feature.bit & 1U) != 0;
}

bool os_saves(std::uint32_t state) {
  if (state == 0) return true;
  std::array<unsigned, 4> regs{};
  if (__get_cpuid(1, &regs[0], &regs[1], &regs[2], &regs[3]) == 0 || (regs[2] >> 27 & 1U) == 0) return false;
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & state) == state;
}

// The kernel keeps tiles from a process that has not asked for them: they make the state of every thread 8
// KiB larger. Granted once, for all threads, and for children.
bool tiles_granted() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

// Hypervisors and emulators have been seen to announce what they then refuse: a child tries, and may die of
// it.
bool executes(const std::vector<const Feature*>& wanted) {
  const pid_t child = fork();
  if (child < 0) return true;  // no process to spare: CPUID's word must do
  if (child == 0) {
    constexpr rlimit kNoCore{0, 0};
    setrlimit(RLIMIT_CORE, &kNoCore);
    std::signal(SIGILL, SIG_DFL);
    for (const Feature* feature : wanted) feature->execute();
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return true;  // reaped elsewhere
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool detect(Isa isa) {
  if (isa == Isa::scalar) return true;
  std::vector<const Feature*> wanted;
  for (const Feature& feature : kFeatures) {
    const std::string padded = " " + std::string(features(isa)) + " ";
    if (padded.find(" " + std::string(feature.name) + " ") == std::string::npos) continue;
    if (!cpuid_has(feature) || !os_saves(feature.state)) return false;
    if (feature.state == kTileState && !tiles_granted()) return false;
    wanted.push_back(&feature);
  }
  CHECK(!wanted.empty(), "kernels/isa.def names a feature that isa.cpp cannot detect");
  return executes(wanted);
}

}  // namespace

std::string_view to_string(Isa isa) { return kIsas[static_cast<std::size_t>(isa)].name; }

std::string_view features(Isa isa) { return kIsas[static_cast<std::size_t>(isa)].features; }

bool runs_here(Isa isa) {
  static const std::array<bool, std::size(kIsas)> kRuns = [] {
    std::array<bool, std::size(kIsas)> runs{};
    for (std::size_t i = 0; i < runs.size(); ++i) runs[i] = detect(static_cast<Isa>(i));
    return runs;
  }();
  return kRuns[static_cast<std::size_t>(isa)];
}

std::vector<std::string_view> features_denied() {
  std::vector<std::string_view> denied;
  const auto look = [&](const Feature& feature) {
    // Tiles cannot be used without the kernel's word for them, which it gives by CPUID's.
    if (feature.state == kTileState || cpuid_has(feature) || !os_saves(feature.state)) return;
    if (executes({&feature})) denied.push_back(feature.name);
  };
  for (const Feature& feature : kFeatures) look(feature);
  look(kBmi2);
  return denied;
}

std::vector<Isa> isas_here() {
  std::vector<Isa> isas;
  for (std::size_t i = 0; i < std::size(kIsas); ++i) {
    if (runs_here(static_cast<Isa>(i))) isas.push_back(static_cast<Isa>(i));
  }
  return isas;
}

Isa best_isa() { return isas_here().back(); }

Isa isa_from_name(std::string_view name) {
  if (name == "automatic") return best_isa();
  std::string here;
  for (const Isa isa : isas_here()) {
    if (name == to_string(isa)) return isa;
    here += (here.empty() ? "" : ", ") + std::string(to_string(isa));
  }
  for (const IsaInfo& isa : kIsas) {
    if (name == isa.name) {
      throw Error("isa " + std::string(name) + " (" + std::string(isa.features) +
                  ") does not run on this CPU; these do: automatic, " + here + ".");
    }
  }
  throw Error("isa \"" + std::string(name) + "\" is unknown; these run here: automatic, " + here + ".");
}

}  // namespace oldiron
