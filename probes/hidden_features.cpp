#include "probes/hidden_features.hpp"

#include <algorithm>
#include <cstdint>

#include "probes/files.hpp"

namespace oldiron {
namespace {

constexpr const char* kHaswell = "avx f16c fma avx2";
constexpr const char* kSkylakeServer = "avx f16c fma avx2 avx512f avx512bw avx512dq avx512vl";
constexpr const char* kIceLake = "avx f16c fma avx2 avx512f avx512bw avx512dq avx512vl avx512_vnni";
constexpr const char* kZen4 = "avx f16c fma avx2 avx512f avx512bw avx512dq avx512vl avx512_vnni avx512_bf16";
constexpr const char* kSapphireRapids =
    "avx f16c fma avx2 avx512f avx512bw avx512dq avx512vl avx512_vnni avx512_bf16 avx_vnni amx_tile amx_int8 amx_bf16";

/// A generation: CPUs of one family, from model to model, from a stepping on.
struct Generation {
  std::string_view vendor;
  int family, first_model, last_model, stepping;
  const char* features;  ///< as /proc/cpuinfo names them
};

// A later line that fits counts.
constexpr Generation kGenerations[] = {
    {"GenuineIntel", 6, 0x2a, 0x2a, 0, "avx"},             // Sandy Bridge
    {"GenuineIntel", 6, 0x2d, 0x2d, 0, "avx"},             // Xeon E5
    {"GenuineIntel", 6, 0x3a, 0x3a, 0, "avx f16c"},        // Ivy Bridge
    {"GenuineIntel", 6, 0x3e, 0x3e, 0, "avx f16c"},        // Xeon E5 v2
    {"GenuineIntel", 6, 0x3c, 0x3c, 0, kHaswell},          // Haswell
    {"GenuineIntel", 6, 0x3f, 0x3f, 0, kHaswell},          // Xeon E5 v3
    {"GenuineIntel", 6, 0x45, 0x47, 0, kHaswell},          // Haswell, Broadwell
    {"GenuineIntel", 6, 0x3d, 0x3d, 0, kHaswell},          // Broadwell
    {"GenuineIntel", 6, 0x4f, 0x4f, 0, kHaswell},          // Xeon E5 v4
    {"GenuineIntel", 6, 0x56, 0x56, 0, kHaswell},          // Xeon D-1500
    {"GenuineIntel", 6, 0x4e, 0x4e, 0, kHaswell},          // Skylake
    {"GenuineIntel", 6, 0x5e, 0x5e, 0, kHaswell},          // Skylake, Xeon E3 v5
    {"GenuineIntel", 6, 0x8e, 0x8e, 0, kHaswell},          // Kaby Lake
    {"GenuineIntel", 6, 0x9e, 0x9e, 0, kHaswell},          // Kaby and Coffee Lake
    {"GenuineIntel", 6, 0xa5, 0xa6, 0, kHaswell},          // Comet Lake
    {"GenuineIntel", 6, 0x55, 0x55, 0, kSkylakeServer},    // Skylake-SP
    {"GenuineIntel", 6, 0x55, 0x55, 5, kIceLake},          // Cascade Lake
    {"GenuineIntel", 6, 0x6a, 0x6a, 0, kIceLake},          // Ice Lake-SP
    {"GenuineIntel", 6, 0x6c, 0x6c, 0, kIceLake},          // Ice Lake-D
    {"GenuineIntel", 6, 0x8f, 0x8f, 0, kSapphireRapids},   // Sapphire Rapids
    {"GenuineIntel", 6, 0xcf, 0xcf, 0, kSapphireRapids},   // Emerald Rapids
    {"AuthenticAMD", 0x15, 0x01, 0x01, 0, "avx"},          // Bulldozer
    {"AuthenticAMD", 0x15, 0x02, 0x1f, 0, "avx f16c fma"},  // Piledriver
    {"AuthenticAMD", 0x17, 0x00, 0xff, 0, kHaswell},       // Zen, Zen 2
    {"AuthenticAMD", 0x19, 0x00, 0x0f, 0, kHaswell},       // Zen 3
    {"AuthenticAMD", 0x19, 0x10, 0x1f, 0, kZen4},          // Zen 4: Genoa
    {"AuthenticAMD", 0x19, 0x20, 0x5f, 0, kHaswell},       // Zen 3 of desktops and laptops
    {"AuthenticAMD", 0x19, 0x60, 0xaf, 0, kZen4},          // Zen 4 of desktops; Bergamo
    {"AuthenticAMD", 0x1a, 0x00, 0xff, 0, kZen4},          // Zen 5
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : split(text, ' '))
    if (!word.empty()) words.emplace_back(word);
  return words;
}

std::string features_of(std::string_view cpuinfo) {
  const auto number = [&](const char* key) { return number_after(cpuinfo, key).value_or(-1); };
  const std::string vendor = line_after(cpuinfo, "vendor_id");
  const std::int64_t family = number("cpu family"), model = number("model"), stepping = number("stepping");
  std::string features;
  for (const Generation& g : kGenerations)
    if (g.vendor == vendor && g.family == family && model >= g.first_model && model <= g.last_model &&
        stepping >= g.stepping)
      features = g.features;
  return features;
}

}  // namespace

HiddenFeatures hidden_features(std::string_view cpuinfo,
                               const std::function<std::vector<std::string_view>()>& denied) {
  HiddenFeatures hidden;
  const std::string name = line_after(cpuinfo, "model name");
  const std::string flags = " " + line_after(cpuinfo, "flags") + " ";
  for (const char* generic : {"QEMU Virtual CPU", "Common KVM processor", "Common 32-bit KVM processor"})
    hidden.masked_model = hidden.masked_model || holds(name, generic);
  if (!holds(name, "Pentium") && !holds(name, "Celeron"))
    for (const std::string& feature : words(features_of(cpuinfo)))
      if (!holds(flags, " " + feature + " ")) hidden.expected.push_back(feature);
  for (const std::string_view feature : denied()) hidden.proven.emplace_back(feature);
  return hidden;
}

}  // namespace oldiron
